import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { composeDsn } from '../../src/dsn/compose-dsn.js'
import type { DsnContent } from '../../src/dsn/dsn.js'
import { parseDsn } from '../../src/dsn/parse-dsn.js'
import { bytesSource } from '../../src/message/sources.js'
import { attempt, content, silentAttempt, told } from './dsn-content.js'

const parse = (text: string) => parseDsn(bytesSource(text))
const roundTrip = async (changes: Partial<DsnContent>) => parseDsn(await composeDsn(content(changes)))

/** An address of 254 octets, the most there may be (RFC 5321 §4.5.3.1.3). */
function longAddress(localPart: string): string {
  const labels = `${'d'.repeat(62)}.`.repeat(2)
  const rest = 254 - Buffer.byteLength(`${localPart}@${labels}.test`)
  return `${localPart}@${labels}${'e'.repeat(rest)}.test`
}

/** A DSN with these lines as its delivery-status part. */
function report(
  lines: readonly string[],
  { eol = '\r\n', encoding = '7bit', subtype = 'delivery-status' } = {},
) {
  return [
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'It failed.',
    '--b',
    `Content-Type: message/${subtype}`,
    `Content-Transfer-Encoding: ${encoding}`,
    '',
    ...lines,
    '--b',
    'Content-Type: text/rfc822-headers',
    '',
    'Message-ID: <1@a.test>',
    '--b--',
    '',
  ].join(eol)
}

describe('our own DSNs', () => {
  it('are read back', async () => {
    const recipients = [
      told({ recipient: { address: 'bob@elsewhere.test', originalRecipient: 'rfc822;Sales@example.test' } }),
      told({
        recipient: { address: 'carol@nowhere.test' },
        attempt: silentAttempt({ enhanced: '4.4.1' }),
        expired: true,
      }),
    ]
    expect(await roundTrip({ envid: 'E 1', recipients })).toEqual({
      reportingMta: 'mx.example.test',
      envid: 'E 1',
      arrivedAt: Date.UTC(2026, 0, 1, 8),
      originalMessageId: '<plans@example.test>',
      recipients: [
        {
          finalRecipient: { type: 'rfc822', address: 'bob@elsewhere.test' },
          originalRecipient: { type: 'rfc822', address: 'Sales@example.test' },
          action: 'failed',
          status: '5.1.1',
          remoteMta: 'mx.elsewhere.test',
          diagnostic: { type: 'smtp', text: '550 5.1.1 No such user' },
          lastAttemptAt: Date.UTC(2026, 0, 1, 9, 0, 2),
        },
        {
          finalRecipient: { type: 'rfc822', address: 'carol@nowhere.test' },
          action: 'failed',
          status: '4.4.1',
          diagnostic: { type: 'x-posthorn', text: 'connect to 192.0.2.7:25 timed out' },
          lastAttemptAt: Date.UTC(2026, 0, 1, 9, 0, 2),
        },
      ],
    })
  })

  it.each(['failed', 'delayed', 'delivered', 'relayed', 'expanded'] as const)(
    'are read back when %s',
    async kind => {
      const willRetryUntil = Date.UTC(2026, 0, 2, 14)
      const delay = kind === 'delayed' && { willRetryUntil }
      const parsed = await roundTrip({ kind, recipients: [told({ attempt: silentAttempt(), ...delay })] })
      expect(parsed?.recipients).toMatchObject([{ action: kind, ...delay }])
    },
  )

  it.each([true, false])('are read back with addresses in UTF-8, SMTPUTF8 %s', async smtputf8 => {
    const recipient = { address: 'böb+1@elsewhere.test', originalRecipient: 'utf-8;büro@example.test' }
    const parsed = await roundTrip({ smtputf8, recipients: [told({ recipient })] })
    expect(parsed?.recipients[0]).toMatchObject({
      finalRecipient: { type: 'utf-8', address: 'böb+1@elsewhere.test' },
      originalRecipient: { type: 'utf-8', address: 'büro@example.test' },
    })
  })

  it.each([
    ['in ASCII', 'l'.repeat(64), 'rfc822', false],
    ['in UTF-8', 'ö'.repeat(32), 'utf-8', true],
    ['in the escapes of RFC 6533 §3', 'ö'.repeat(32), 'utf-8', false],
  ])('are read back with addresses as long as may be, %s', async (_, localPart, type, smtputf8) => {
    const address = longAddress(localPart)
    const recipient = { address, originalRecipient: `${type};${address}` }
    const parsed = await roundTrip({ smtputf8, recipients: [told({ recipient })] })
    expect(parsed?.recipients[0]).toMatchObject({
      finalRecipient: { type, address },
      originalRecipient: { type, address },
    })
  })

  it('are read back whatever the addresses and replies (property)', async () => {
    const word = fc.stringMatching(/^[!-:<-~]{1,100}$/)
    await fc.assert(
      fc.asyncProperty(word, word, async (address, said) => {
        const record = attempt({ reply: { code: 550, enhanced: '5.7.1', text: said } })
        const parsed = await roundTrip({ recipients: [told({ recipient: { address }, attempt: record })] })
        expect(parsed?.recipients[0]?.finalRecipient).toEqual({ type: 'rfc822', address })
        expect(parsed?.recipients[0]?.diagnostic?.text).toBe(`550 5.7.1 ${said}`)
      }),
    )
  })
})

const fields = [
  'Reporting-MTA: dns; a.test',
  '',
  'Final-Recipient: rfc822; b=c@b.test',
  'Action: failed',
  'Status: 5.1.1',
]
const read = {
  reportingMta: 'a.test',
  recipients: [{ finalRecipient: { address: 'b=c@b.test' }, status: '5.1.1' }],
}

describe('the DSNs of others', () => {
  it('may be folded, spaced and commented as their servers like', async () => {
    const parsed = await parse(
      report([
        'Reporting-MTA: dns;mx.a.test',
        'Arrival-Date: Thu, 7 Jul 1994 17:15:49 -0400 (EDT)',
        '',
        'FINAL-RECIPIENT:rfc822 ;bob@b.test',
        'Action: failed (to agent)',
        'Status: 5.0.0 (permanent failure)',
        'Diagnostic-Code: smtp;',
        '  550 no,',
        '\tnever',
        '',
        '',
        'Original-Recipient: rfc822;carol@b.test',
        'Action: Expanded',
        'Last-Attempt-Date: yesterday',
        '',
        'Final-Recipient: dave@b.test',
        'Action: held',
        'Status: 4.2.2',
      ]),
    )
    expect(parsed).toEqual({
      reportingMta: 'mx.a.test',
      arrivedAt: Date.UTC(1994, 6, 7, 21, 15, 49),
      originalMessageId: '<1@a.test>',
      recipients: [
        {
          finalRecipient: { type: 'rfc822', address: 'bob@b.test' },
          action: 'failed',
          status: '5.0.0',
          diagnostic: { type: 'smtp', text: '550 no, never' },
        },
        { originalRecipient: { type: 'rfc822', address: 'carol@b.test' }, action: 'expanded' },
        { finalRecipient: { type: 'rfc822', address: 'dave@b.test' }, action: 'delayed', status: '4.2.2' },
      ],
    })
  })

  it('may end their lines with LF alone', async () => {
    expect(await parse(report(fields, { eol: '\n' }))).toMatchObject(read)
  })

  it('may name addresses as long as may be', async () => {
    const address = longAddress('l'.repeat(64))
    const lines = [...fields.slice(0, 2), `Final-Recipient: rfc822;${address}`, ...fields.slice(3)]
    expect((await parse(report(lines)))?.recipients[0]?.finalRecipient).toEqual({ type: 'rfc822', address })
    const bounce = `X-Failed-Recipients: ${address}\r\n\r\nIt failed.\r\n`
    expect((await parse(bounce))?.recipients[0]?.finalRecipient).toEqual({ type: 'rfc822', address })
  })

  it('may write the escapes of RFC 6533 in small letters, and blanks by them', async () => {
    const lines = [
      ...fields.slice(0, 2),
      'Final-Recipient: utf-8;"b\\x{f6}\\x{20}b"@b.test',
      ...fields.slice(3),
    ]
    expect((await parse(report(lines)))?.recipients[0]?.finalRecipient?.address).toBe('"bö b"@b.test')
  })

  it('may be encoded', async () => {
    const base64 = Buffer.from(fields.join('\r\n')).toString('base64')
    expect(await parse(report([base64], { encoding: 'BASE64' }))).toMatchObject(read)
    const quoted = fields.map(line => line.replaceAll('=', '=3D').replace('Final-', 'Fi=\r\nnal-'))
    const options = { encoding: 'quoted-printable', subtype: 'global-delivery-status' }
    expect(await parse(report(quoted, options))).toMatchObject(read)
    expect(await parse(report(quoted, options).replaceAll('\r\n', '\n'))).toMatchObject(read)
  })

  it('may begin with fields of nobody', async () => {
    expect(await parse(report(['X-Notice: scanned', '', ...fields]))).toMatchObject(read)
  })

  it('are believed about the kind of a failure, whatever the reply in them says', async () => {
    const lines = [...fields.slice(0, 4), 'Status: 5.0.0', 'Diagnostic-Code: smtp; 450 4.2.2 Mailbox full']
    expect((await parse(report(lines)))?.recipients[0]).toMatchObject({ action: 'failed', status: '5.0.0' })
  })

  it('have their reasons from the words for a person only where the fields have none', async () => {
    const lines = [...fields, 'Diagnostic-Code: smtp; 550 the fields', '', ...fields.slice(2)]
    const dsn = await parse(report(lines).replace('It failed.', '<b=c@b.test>: the words'))
    expect(dsn?.recipients.map(({ diagnostic }) => diagnostic?.text)).toEqual(['550 the fields', 'the words'])
  })

  it('may have no fields of the message, or nothing at all', async () => {
    expect(await parse(report(fields.slice(2)))).toMatchObject({ recipients: read.recipients })
    expect(await parse(report([]))).toEqual({ originalMessageId: '<1@a.test>', recipients: [] })
    expect(await parse(report(['nonsense', '', ': x', 'Final-Recipient']))).toMatchObject({ recipients: [] })
  })
})

describe('what is no DSN', () => {
  it.each([
    ['nothing', ''],
    ['plain text', 'Subject: x\r\n\r\nAction: failed'],
    ['a multipart of another kind', report([]).replace('multipart/report', 'multipart/mixed')],
    ['a report of another kind', report([], { subtype: 'disposition-notification' })],
    ['a report without a boundary', report([]).replace('; boundary="b"', '')],
    ['a DSN inside a message', `Content-Type: message/rfc822\r\n\r\n${report([])}`],
  ])('is not read as one: %s', async (_, text) => {
    expect(await parse(text)).toBeUndefined()
  })
})

describe('hostile DSNs', () => {
  it('cannot put control characters into what is read', async () => {
    const parsed = await parse(
      report([
        'Reporting-MTA: dns; a\u0007.test\u2028',
        'Original-Envelope-Id: \u001b[31mred',
        '',
        'Final-Recipient: utf-8; \\x{0D}\\x{0A}RCPT\\x{202E}\\x{FFFFFF}\\x{E4}@b.test',
        'Action: failed',
        'Diagnostic-Code: smtp; 550 a\rb\0c',
      ]),
    )
    expect(parsed).toMatchObject({
      reportingMta: 'a .test',
      envid: '[31mred',
      recipients: [
        {
          finalRecipient: { address: '\\x{0D}\\x{0A}RCPT\\x{202E}\\x{FFFFFF}ä@b.test' },
          diagnostic: { text: '550 a b c' },
        },
      ],
    })
  })

  it('with many recipients, empty lines or fields take bounded time', async () => {
    const recipient = ['Final-Recipient: rfc822; b@b.test', 'Action: failed', '']
    const start = performance.now()
    const all = Array.from({ length: 100_000 }, () => recipient).flat()
    expect((await parse(report(all)))?.recipients).toHaveLength(1_000)
    expect((await parse(report([...fields.slice(0, 2), ...all])))?.recipients).toHaveLength(1_000)
    expect((await parse(report(Array.from({ length: 2_000_000 }, () => ''))))?.recipients).toEqual([])
    expect((await parse(report(Array.from({ length: 500_000 }, () => 'a:'))))?.recipients).toEqual([])
    expect(performance.now() - start).toBeLessThan(10_000)
  })

  it('are read no further than 1 MiB of fields, and 64 KiB of words', async () => {
    const filler = Array.from({ length: 20_000 }, () => `X-Filler: ${'x'.repeat(50)}`)
    expect((await parse(report([...filler, '', ...fields])))?.recipients).toEqual([])
    const lines = ['X-Failed-Recipients: b@b.test', '', ...filler.slice(0, 2_000), '', '<b@b.test>:', 'no']
    expect((await parse(lines.join('\r\n')))?.recipients[0]?.diagnostic).toBeUndefined()
  })

  it('are read no further than 50 parts, and no deeper than 5', async () => {
    const status = ['Content-Type: message/delivery-status', '', ...fields].join('\r\n')
    const type = 'Content-Type: multipart/report; boundary='
    const wide = (parts: number) =>
      `${type}b\r\n\r\n${'--b\r\n\r\n\r\n'.repeat(parts)}--b\r\n${status}\r\n--b--`
    expect(await parse(wide(40))).toMatchObject(read)
    expect(await parse(wide(60))).toBeUndefined()
    const deep = (depth: number): string =>
      depth === 0 ? status : `${type}b${depth}\r\n\r\n--b${depth}\r\n${deep(depth - 1)}\r\n--b${depth}--`
    expect(await parse(deep(4))).toMatchObject(read)
    expect(await parse(deep(8))).toBeUndefined()
  })

  it('of plain text, whose reason has no end, take bounded time', async () => {
    const lines = Array.from({ length: 32_000 }, (_, index) => `${index % 10}`)
    const start = performance.now()
    const dsn = await parse(['X-Failed-Recipients: b@b.test', '', 'b@b.test:', ...lines].join('\n'))
    expect(performance.now() - start).toBeLessThan(700)
    const text = `${lines.join(' ').slice(0, 1_000)} [...]`
    expect(dsn?.recipients).toMatchObject([{ diagnostic: { text } }])
  })

  it('never fail it (property)', async () => {
    const line = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom(
        '',
        'Action: failed',
        'Final-Recipient: ;',
        'Final-Recipient: utf-8;\\x{',
        'Status: 5.',
        '--b',
        '--b--',
        '__proto__: x',
      ),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 20 }), async lines => void (await parse(report(lines)))),
    )
  })
})
