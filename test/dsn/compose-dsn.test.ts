import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { composeDsn } from '../../src/dsn/compose-dsn.js'
import type { DsnContent } from '../../src/dsn/dsn.js'
import type { MessageSource } from '../../src/message/message-source.js'
import { bytesSource, readAll } from '../../src/message/sources.js'
import type { AttemptRecord } from '../../src/storage/queue-storage.js'
import { attempt, content, original, silentAttempt, told } from './dsn-content.js'

const compose = async (changes: Partial<DsnContent> = {}) =>
  (await readAll(await composeDsn(content(changes)))).toString()

/** Header of the DSN and its three parts, as they are on the wire. */
async function partsOf(changes: Partial<DsnContent> = {}) {
  const wire = await compose(changes)
  const boundary = /boundary="([^"]+)"/.exec(wire)?.[1] ?? 'none'
  const [header = '', ...parts] = wire.split(`\r\n--${boundary}`)
  expect(parts.pop()).toBe('--\r\n')
  expect(parts).toHaveLength(3)
  const [person = '', machine = '', returned = ''] = parts.map(part => part.slice(2))
  return { wire, header, person, machine, returned }
}

describe('the header of a DSN', () => {
  it('goes from the mail system to the sender, and answers the message', async () => {
    const { header } = await partsOf()
    expect(header.split('\r\n')).toEqual([
      'From: Mail Delivery System <MAILER-DAEMON@mx.example.test>',
      'To: <alice@example.test>',
      'Subject: Your message could not be delivered',
      'Date: Fri, 2 Jan 2026 14:00:00 +0000',
      'Message-ID: <dsntrace@mx.example.test>',
      'In-Reply-To: <plans@example.test>',
      'References: <first@example.test> <second@example.test> <plans@example.test>',
      'Auto-Submitted: auto-replied',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status;',
      expect.stringMatching(/^\tboundary="=_[0-9a-z]{16}"$/),
      'Content-Transfer-Encoding: 7bit',
      '',
    ])
  })

  it('needs no message id to answer', async () => {
    const { header } = await partsOf({ message: bytesSource('Subject: x\r\n\r\nx') })
    expect(header).not.toMatch(/^(In-Reply-To|References):/m)
  })

  it('takes 10 message ids of a long thread, and none that is not one', async () => {
    const references = Array.from({ length: 500 }, (_, index) => `<${index}@a.test>`).join('\r\n ')
    const message = bytesSource(
      `Message-ID: <a b@c>, nonsense <ok@a.test>\r\nReferences: ${references}\r\n\r\n`,
    )
    const { header } = await partsOf({ message })
    expect(header.match(/<\d+@a\.test>/g)).toHaveLength(9)
    expect(header).toContain('In-Reply-To: <ok@a.test>')
    expect(header).toContain('<ok@a.test>\r\nAuto-Submitted')
    const long = bytesSource(`Message-ID: <${'x'.repeat(300)}@a.test>\r\n\r\n`)
    expect((await partsOf({ message: long })).header).not.toContain('In-Reply-To')
  })
})

describe('the words for a person', () => {
  it('say what happened to whom, what the server said, and what to do', async () => {
    const { person } = await partsOf()
    expect(person).toBe(
      [
        'Content-Type: text/plain; charset=us-ascii',
        'Content-Transfer-Encoding: 7bit',
        '',
        'This is the mail server mx.example.test.',
        '',
        'Your message could not be delivered to:',
        '',
        '  bob@elsewhere.test',
        '    There is no such address at its domain.',
        '    mx.elsewhere.test (192.0.2.7) said:',
        '      > 550 5.1.1 No such user',
        '',
        'It will not be tried again. Check the address, then send the message',
        'once more, or reach the recipient in another way. If you need help, give',
        'this whole message to your postmaster.',
        '',
        'The message:',
        '',
        '  Subject: Our plans',
        '  Arrived here: Thu, 1 Jan 2026 08:00:00 +0000',
        '',
        'A report for programs and the message, or its header, follow.',
        '',
      ].join('\r\n'),
    )
  })

  it('say that mail may have arrived where the server never answered to it', async () => {
    const { person } = await partsOf({
      recipients: [told({ attempt: silentAttempt({ status: 'unknown', enhanced: '4.4.2' }), expired: true })],
    })
    expect(person.replace(/\s+/g, ' ')).toContain(
      'It may have arrived, even more than once. It was tried for 30 hours.',
    )
  })

  it('blame no server for mail that had to stay encrypted', async () => {
    const { person } = await partsOf({
      recipients: [told({ attempt: silentAttempt({ status: 'failed', enhanced: '5.7.10' }) })],
    })
    expect(person).toMatch(/\r\n {4}The message may only travel encrypted, /)
  })

  it.each([
    [
      'a mailbox is full',
      attempt({ reply: { code: 552, enhanced: '5.2.2', text: 'x' } }),
      'The mailbox is full.',
    ],
    [
      'rules forbid it',
      attempt({ reply: { code: 550, enhanced: '5.7.26', text: 'x' } }),
      'The server refused the message by its rules.',
    ],
    [
      'a server gives no reason',
      attempt({ reply: { code: 554, text: 'x' } }),
      'The server refused the message.',
    ],
    ['nobody was asked', silentAttempt(), 'The message could not be handed on.'],
  ])('say in plain words that %s', async (_, record, words) => {
    const { person } = await partsOf({ recipients: [told({ attempt: record })] })
    expect(person).toContain(`  bob@elsewhere.test\r\n    ${words}\r\n`)
  })

  it('name the server as far as it is known', async () => {
    const { host: _, address: __, ...nameless } = attempt()
    const said = async (known: Pick<AttemptRecord, 'host' | 'address'>) =>
      / {4}(.*) said:/.exec(
        (await partsOf({ recipients: [told({ attempt: { ...nameless, ...known } })] })).person,
      )?.[1]
    expect(await said({ host: 'mx.b.test', address: '192.0.2.7' })).toBe('mx.b.test (192.0.2.7)')
    expect(await said({ host: 'mx.b.test' })).toBe('mx.b.test')
    expect(await said({ address: '192.0.2.7' })).toBe('192.0.2.7')
    expect(await said({})).toBe('The server')
  })

  it('say how long it was tried', async () => {
    const { person } = await partsOf({
      recipients: [told({ attempt: silentAttempt({ enhanced: '4.4.1' }), expired: true })],
    })
    expect(person).toContain(
      'The mail server of the recipient does not answer. It was tried for\r\n    30 hours.',
    )
    expect(person).toContain('    What happened:\r\n      > connect to 192.0.2.7:25 timed out')
  })

  it('say until when it will be tried', async () => {
    const { person } = await partsOf({
      kind: 'delayed',
      recipients: [told({ attempt: silentAttempt(), willRetryUntil: Date.UTC(2026, 0, 2, 14) })],
    })
    expect(person).toContain('Your message could not be delivered yet to:')
    expect(person).toContain('    It will be tried until Fri, 2 Jan 2026 14:00:00 +0000.')
  })

  it('name the address that was written to, where an alias led elsewhere', async () => {
    const recipient = { address: 'bob@elsewhere.test', originalRecipient: 'rfc822;sales@example.test' }
    const { person } = await partsOf({ recipients: [told({ recipient })] })
    expect(person).toContain('  bob@elsewhere.test (you wrote to sales@example.test)')
    const same = { address: 'bob@elsewhere.test', originalRecipient: 'rfc822;bob@elsewhere.test' }
    expect((await partsOf({ recipients: [told({ recipient: same })] })).person).not.toContain('you wrote to')
  })

  it('have long addresses whole', async () => {
    const address = `${'l'.repeat(64)}@${'d'.repeat(62)}.${'e'.repeat(62)}.${'f'.repeat(58)}.test`
    const recipient = { address, originalRecipient: `rfc822;x${address}` }
    const { person } = await partsOf({ recipients: [told({ recipient })] })
    expect(person).toContain(`  ${address} (you wrote to x${address})\r\n`)
  })

  it('are quoted-printable where they are not ASCII', async () => {
    const reply = { code: 550, enhanced: '5.2.2', text: 'Das Postfach ist völlig überfüllt = 数据' }
    const { person, wire } = await partsOf({ recipients: [told({ attempt: attempt({ reply }) })] })
    expect(person).toContain('text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable')
    expect(person.replaceAll('=\r\n', '')).toContain('v=C3=B6llig =C3=BCberf=C3=BCllt =3D =E6=95=B0=E6=8D=AE')
    expect(Math.max(...person.split('\r\n').map(line => line.length))).toBeLessThanOrEqual(76)
    expect(wire).toMatch(/^[\r\n\t -~]*$/)
  })

  it('leave out a subject that only programs can read', async () => {
    const { person } = await partsOf({ message: bytesSource('Subject: =?utf-8?Q?=C3=A4?=\r\n\r\n') })
    expect(person).not.toContain('Subject:')
  })
})

describe('the fields for a program (RFC 3464)', () => {
  it('tell of the message and of each recipient', async () => {
    const { machine } = await partsOf({
      envid: 'QQ 314=+159',
      recipients: [
        told({
          recipient: { address: 'bob@elsewhere.test', originalRecipient: 'rfc822;Sales@example.test' },
        }),
        told({ recipient: { address: 'carol@nowhere.test' }, attempt: silentAttempt({ enhanced: '5.1.2' }) }),
      ],
    })
    expect(machine.split('\r\n')).toEqual([
      'Content-Type: message/delivery-status',
      'Content-Transfer-Encoding: 7bit',
      '',
      'Original-Envelope-Id: QQ 314=+159',
      'Reporting-MTA: dns; mx.example.test',
      'Arrival-Date: Thu, 1 Jan 2026 08:00:00 +0000',
      '',
      'Original-Recipient: rfc822; Sales@example.test',
      'Final-Recipient: rfc822; bob@elsewhere.test',
      'Action: failed',
      'Status: 5.1.1',
      'Remote-MTA: dns; mx.elsewhere.test',
      'Diagnostic-Code: smtp; 550 5.1.1 No such user',
      'Last-Attempt-Date: Thu, 1 Jan 2026 09:00:02 +0000',
      '',
      'Final-Recipient: rfc822; carol@nowhere.test',
      'Action: failed',
      'Status: 5.1.2',
      'Diagnostic-Code: x-posthorn; connect to 192.0.2.7:25 timed out',
      'Last-Attempt-Date: Thu, 1 Jan 2026 09:00:02 +0000',
      '',
    ])
  })

  it('name the server only where it said something', async () => {
    const { machine } = await partsOf({ recipients: [told({ attempt: silentAttempt() })] })
    expect(machine).not.toContain('Remote-MTA')
  })

  it('write the type of an original recipient in small letters, whoever named it', async () => {
    const original = async (originalRecipient: string) => {
      const recipient = { address: 'bob@elsewhere.test', originalRecipient }
      const { machine } = await partsOf({ recipients: [told({ recipient })] })
      return /Original-Recipient: (.*)/.exec(machine)?.[1]
    }
    expect(await original('RFC822;Sales@example.test')).toBe('rfc822; Sales@example.test')
    expect(await original('UTF-8;büro@example.test')).toBe('utf-8; b\\x{FC}ro@example.test')
  })

  it('tell of a delay and its end', async () => {
    const recipients = [told({ attempt: silentAttempt(), willRetryUntil: Date.UTC(2026, 0, 2, 14) })]
    const { machine } = await partsOf({ kind: 'delayed', recipients })
    expect(machine).toMatch(/^Action: delayed\r\nStatus: 4\.0\.0\r$/m)
    expect(machine).toContain('Will-Retry-Until: Fri, 2 Jan 2026 14:00:00 +0000')
  })

  it.each(['delivered', 'relayed', 'expanded'] as const)('tell that it was %s', async kind => {
    const reply = { code: 250, enhanced: '2.6.0', text: 'Queued' }
    const { machine, header } = await partsOf({
      kind,
      recipients: [told({ attempt: attempt({ reply, status: 'delivered' }) })],
    })
    expect(machine).toContain(`Action: ${kind}\r\nStatus: 2.6.0\r\n`)
    expect(header).toMatch(/Subject: Your message was (delivered|passed on|sent on)/)
  })

  it.each([
    ['of the reply', attempt(), false, '5.1.1'],
    [
      'of the digits, where the enhanced code is of another class',
      attempt({ reply: { code: 550, enhanced: '4.2.2', text: '' } }),
      false,
      '5.2.2',
    ],
    ['of the digits alone', attempt({ reply: { code: 554, text: 'no' } }), false, '5.0.0'],
    [
      'of the digits, where the enhanced code is none',
      attempt({ reply: { code: 554, enhanced: '5.9999.1', text: '' } }),
      false,
      '5.0.0',
    ],
    ['that the attempt found without a reply', silentAttempt({ enhanced: '5.1.10' }), false, '5.1.10'],
    [
      'of the last deferral, when time ran out (RFC 3463 §3.5)',
      attempt({ reply: { code: 451, enhanced: '4.7.1', text: '' } }),
      true,
      '4.7.1',
    ],
    ['4.4.7, when time ran out and nothing is known', silentAttempt(), true, '4.4.7'],
    ['5.0.0, when nothing is known', silentAttempt(), false, '5.0.0'],
    [
      '5.0.0, where a transport knows no code that is one',
      silentAttempt({ enhanced: '5.1' }),
      false,
      '5.0.0',
    ],
    [
      '5.0.0, never that of a success',
      attempt({ reply: { code: 250, enhanced: '2.0.0', text: 'ok' } }),
      false,
      '5.0.0',
    ],
  ])('have the status %s', async (_, record, expired, status) => {
    const { machine } = await partsOf({ recipients: [told({ attempt: record, expired })] })
    expect(machine).toContain(`Status: ${status}\r\n`)
  })

  it('have no status of a failure for mail that is tried again all the same', async () => {
    const { machine } = await partsOf({ kind: 'delayed' })
    expect(machine).toContain('Status: 4.0.0\r\n')
  })
})

describe('the message it is about', () => {
  it('comes back whole in a failure that is to have it', async () => {
    const { returned } = await partsOf()
    expect(returned).toBe(
      `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${original}`,
    )
  })

  it.each([
    ['only the header was asked for', { ret: 'hdrs' as const }],
    ['nothing failed', { kind: 'delivered' as const }],
  ])('comes back as its header when %s', async (_, changes) => {
    const { returned } = await partsOf(changes)
    const header = original.slice(0, original.indexOf('\r\n\r\n') + 2)
    expect(returned).toBe(
      `Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${header}`,
    )
  })

  it('comes back as its header when it is larger than 1 MiB, without being read whole', async () => {
    let read = 0
    const bytes = Buffer.concat([Buffer.from(original), Buffer.alloc(50 * 1024 * 1024, 'x')])
    const inner = bytesSource(bytes)
    const message: MessageSource = {
      size: inner.size,
      async *open(range) {
        for await (const chunk of inner.open(range)) {
          read += chunk.length
          yield chunk
        }
      },
    }
    const { returned } = await partsOf({ message })
    expect(returned).toContain('text/rfc822-headers')
    expect(read).toBeLessThan(200_000)
  })

  it('comes back whole up to 1 MiB', async () => {
    const sized = (size: number) => bytesSource(original + 'x'.repeat(size - original.length))
    expect((await partsOf({ message: sized(1024 * 1024) })).returned).toContain('message/rfc822')
    expect((await partsOf({ message: sized(1024 * 1024 + 1) })).returned).toContain('text/rfc822-headers')
  })

  it('is a stream over its source', async () => {
    const message = bytesSource(original + 'x'.repeat(500_000))
    const dsn = await composeDsn(content({ message }))
    expect(dsn.bytes).toBeUndefined()
    const whole = await readAll(dsn)
    expect(dsn.size).toBe(whole.length)
    expect(whole.includes('x'.repeat(500_000))).toBe(true)
  })

  it('makes the DSN 8bit where it is', async () => {
    const { header, returned } = await partsOf({ message: bytesSource('Subject: x\r\n\r\nä') })
    expect(header).toContain('Content-Transfer-Encoding: 8bit')
    expect(returned).toContain('message/rfc822\r\nContent-Transfer-Encoding: 8bit')
  })

  it('keeps the DSN 7bit where its header is not, and its lines short', async () => {
    const message = bytesSource(`Subject: ä${'x'.repeat(2_000)}\r\nBad: a\rb\0c\nNext: d\n\nbody`)
    const { wire, returned } = await partsOf({ message, ret: 'hdrs' })
    expect(wire).toMatch(/^[\r\n\t -~]*$/)
    expect(returned).toContain('Content-Transfer-Encoding: quoted-printable')
    expect(returned).toContain('Bad: a b c\r\nNext: d\r\n')
    expect(Math.max(...wire.split('\r\n').map(line => line.length))).toBeLessThan(999)
  })

  it.each([
    ['8bit', `Subject: ä${'x'.repeat(200)}`, 'quoted-printable'],
    ['8bit, of a message with SMTPUTF8', 'Subject: ä', '8bit', true],
    ['as long as may be', `Subject: ${'x'.repeat(989)}`, '7bit'],
    ['longer', `Subject: ${'x'.repeat(990)}`, 'quoted-printable'],
    ['longer, of a message with SMTPUTF8', `Subject: ä${'x'.repeat(990)}`, 'quoted-printable', true],
  ])(
    'has a header whose lines are %s encoded where it must be',
    async (_, line, encoding, smtputf8 = false) => {
      const { returned } = await partsOf({ message: bytesSource(`${line}\r\n\r\n`), ret: 'hdrs', smtputf8 })
      expect(returned).toContain(`Content-Transfer-Encoding: ${encoding}\r\n`)
      const columns = Math.max(...returned.split('\r\n').map(each => each.length))
      if (encoding === 'quoted-printable') expect(columns).toBe(76)
    },
  )

  it('has a blank at its very end encoded (RFC 2045 §6.7)', async () => {
    const { returned } = await partsOf({ message: bytesSource('Subject: ä '), ret: 'hdrs' })
    expect(returned).toMatch(/Subject: =C3=A4=20$/)
  })

  it('has a header of 1 MiB cut short', async () => {
    const message = bytesSource(
      Array.from({ length: 20_000 }, (_, index) => `X-${index}: ${'y'.repeat(40)}\r\n`).join(''),
    )
    const { returned } = await partsOf({ message, ret: 'hdrs' })
    expect(returned.length).toBeLessThan(70_000)
  })
})

describe('with SMTPUTF8 (RFC 6533)', () => {
  const recipient = { address: 'böb@elsewhere.test', originalRecipient: 'utf-8;büro@example.test' }
  const recipients = [
    told({
      recipient,
      attempt: attempt({ reply: { code: 550, enhanced: '5.1.1', text: 'unbekannt: böb' } }),
    }),
  ]
  const message = bytesSource('Subject: Grüße\r\n\r\nä\r\n')

  it('its machine parts are in UTF-8', async () => {
    const { header, machine, returned } = await partsOf({
      smtputf8: true,
      recipients,
      message,
      to: 'älice@example.test',
    })
    expect(header).toContain('To: <älice@example.test>')
    expect(header).toContain('report-type=global-delivery-status')
    expect(header).toContain('Content-Transfer-Encoding: 8bit')
    expect(machine).toContain(
      'Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit',
    )
    expect(machine).toContain(
      'Original-Recipient: utf-8; büro@example.test\r\nFinal-Recipient: utf-8; böb@elsewhere.test',
    )
    expect(machine).toContain('Diagnostic-Code: smtp; 550 5.1.1 unbekannt: böb')
    expect(returned).toContain('message/global\r\n')
    expect((await partsOf({ smtputf8: true, ret: 'hdrs', message })).returned).toBe(
      'Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: Grüße\r\n',
    )
  })

  it('names an ASCII address of the type utf-8 in its escapes where there is no SMTPUTF8 (§3)', async () => {
    const recipient = { address: 'bob@elsewhere.test', originalRecipient: 'utf-8;bob+1=2@example.test' }
    const original = async (smtputf8: boolean) =>
      /Original-Recipient: (.*)/.exec(
        (await partsOf({ recipients: [told({ recipient })], smtputf8 })).machine,
      )?.[1]
    expect(await original(false)).toBe('utf-8; bob\\x{2B}1\\x{3D}2@example.test')
    expect(await original(true)).toBe('utf-8; bob+1=2@example.test')
  })

  it('is not needed to name an address that needs it', async () => {
    const { machine } = await partsOf({ recipients })
    expect(machine).toContain('Original-Recipient: utf-8; b\\x{FC}ro@example.test')
    expect(machine).toContain('Final-Recipient: utf-8; b\\x{F6}b@elsewhere.test')
    expect(machine).toContain('unbekannt: b?b')
    expect(machine).toMatch(/^[\r\n\t -~]*$/)
  })
})

describe('what others wrote', () => {
  const hostile =
    'x\r\nAction: delivered\r\n\r\n--=_b\r\nContent-Type: text/html\0\u001b[31m\u202e\u2028\u0085<script>\n.\n'

  it('cannot leave its place, in replies, reasons, names, addresses and ids', async () => {
    const recipients = [
      told({
        attempt: attempt({ reply: { code: 550, text: [hostile, hostile] }, host: hostile, address: hostile }),
      }),
      told({
        attempt: silentAttempt({ reason: hostile, host: hostile }),
        recipient: { address: hostile, originalRecipient: `rfc822;${hostile}` },
      }),
      told({ recipient: { address: 'b@c.test', originalRecipient: hostile } }),
    ]
    for (const smtputf8 of [false, true]) {
      const { header, person, machine } = await partsOf({
        recipients,
        envid: hostile,
        smtputf8,
      })
      expect(header.match(/^\S+:/gm)).toHaveLength(11)
      expect(machine.match(/^Action: /gm)).toHaveLength(3)
      expect(machine).not.toContain('Action: delivered\r\n')
      expect(machine.split('\r\n\r\n')).toHaveLength(5)
      expect(`${header}${person}${machine}`).not.toMatch(/[^\r\n\t -~]|\r(?!\n)|(?<!\r)\n/)
      expect(
        person.split('\r\n').filter(line => /^(Action|--|Content-Type: text\/html|\.)/.test(line)),
      ).toEqual([])
    }
  })

  it('is bounded, in length and in lines', async () => {
    const reply = { code: 550, text: Array.from({ length: 10_000 }, () => 'x'.repeat(500)) }
    const { wire } = await partsOf({
      recipients: [told({ attempt: attempt({ reply, reason: 'y'.repeat(1_000_000) }) })],
    })
    expect(wire.length).toBeLessThan(6_000)
    expect(Math.max(...wire.split('\r\n').map(line => line.length))).toBeLessThan(999)
  })

  it.each([
    [true, 2_000],
    [false, 2_000],
    [true, 400],
    [false, 150],
  ])('has no line over 998 octets, also in UTF-8, SMTPUTF8 %s, %i characters', async (smtputf8, count) => {
    const reply = { code: 550, text: '数'.repeat(5_000) }
    const recipient = { address: `${'数'.repeat(count)}@b.test` }
    const { wire } = await partsOf({
      smtputf8,
      recipients: [told({ recipient, attempt: attempt({ reply }) })],
    })
    expect(Math.max(...wire.split('\r\n').map(line => Buffer.byteLength(line)))).toBeLessThan(999)
  })

  it('never breaks the form of the DSN (property)', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 400 })
    await fc.assert(
      fc.asyncProperty(text, text, text, fc.boolean(), async (said, envid, address, smtputf8) => {
        const recipients = [
          told({ recipient: { address }, attempt: attempt({ reply: { code: 550, text: said } }) }),
        ]
        const { person, machine } = await partsOf({ recipients, envid, smtputf8 })
        expect(machine.match(/^Final-Recipient: /gm)).toHaveLength(1)
        expect(machine.split('\r\n\r\n')).toHaveLength(3)
        expect(person).toMatch(/^[\r\n\t -~]*$/)
      }),
    )
  })
})
