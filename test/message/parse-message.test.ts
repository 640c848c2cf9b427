import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MailError } from '../../src/core/error.js'
import { parseMessage } from '../../src/message/parse-message.js'
import { bytesSource, readAll } from '../../src/message/sources.js'

const lines = (...text: string[]) => text.join('\r\n')

const letter = lines(
  'From: "Alice, A." <alice@paris.test>',
  'To: bob@rome.test, Friends: carol@rome.test, =?utf-8?q?D=C3=A4ve?= <dave@rome.test>;',
  'Cc: erin@rome.test',
  'Cc: frank@rome.test',
  'Reply-To: reply@paris.test',
  'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
  'Date: Thu, 1 Jan 2026 12:00:00 +0100',
  'Message-ID: <1@paris.test>',
  'In-Reply-To: <0@rome.test>',
  'References: <a@rome.test> <0@rome.test>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'Gr=FC=DFe',
  '--b',
  'Content-Type: application/pdf; name="=?utf-8?q?r=C3=A9sum=C3=A9.pdf?="',
  'Content-Disposition: attachment',
  'Content-ID: <c@paris.test>',
  'Content-Transfer-Encoding: base64',
  '',
  'AAEC',
  '--b',
  'Content-Type: message/rfc822',
  '',
  'Subject: inside',
  '',
  'forwarded',
  '--b--',
  '',
)

describe('parseMessage', () => {
  it('reads a message as people do', async () => {
    const message = await parseMessage(bytesSource(letter))
    expect(message).toMatchObject({
      subject: 'Grüße',
      from: [{ name: 'Alice, A.', address: 'alice@paris.test' }],
      to: [
        { name: '', address: 'bob@rome.test' },
        { name: '', address: 'carol@rome.test' },
        { name: 'Däve', address: 'dave@rome.test' },
      ],
      cc: [{ address: 'erin@rome.test' }, { address: 'frank@rome.test' }],
      bcc: [],
      replyTo: [{ address: 'reply@paris.test' }],
      date: new Date('2026-01-01T11:00:00Z'),
      messageId: '<1@paris.test>',
      inReplyTo: '<0@rome.test>',
      references: ['<a@rome.test>', '<0@rome.test>'],
      attachments: [
        {
          filename: 'résumé.pdf',
          contentType: 'application/pdf',
          disposition: 'attachment',
          contentId: '<c@paris.test>',
        },
        { contentType: 'message/rfc822' },
      ],
    })
    expect(message.text?.trim()).toBe('Grüße')
    expect(message.html).toBeUndefined()
    expect([...(message.attachments[0]?.content ?? [])]).toEqual([0, 1, 2])
    expect(Buffer.from(message.attachments[1]?.content ?? []).toString()).toContain('forwarded')
    expect(message.headers[5]).toEqual({ name: 'subject', value: '=?utf-8?q?Gr=C3=BC=C3=9Fe?=' })
  })

  it('gives HTML as it is and makes no text of it', async () => {
    const html = '<p>a <img src="cid:x"></p>'
    const message = await parseMessage(bytesSource(`Content-Type: text/html\r\n\r\n${html}`))
    expect(message.html).toBe(html)
    expect(message.text).toBeUndefined()
  })

  it('leaves out what the message does not have', async () => {
    const message = await parseMessage(bytesSource('Date: yesterday\r\n\r\nhello'))
    expect(message).toEqual({
      from: [],
      to: [],
      cc: [],
      bcc: [],
      replyTo: [],
      references: [],
      attachments: [],
      headers: [{ name: 'date', value: 'yesterday' }],
      text: expect.stringContaining('hello'),
    })
  })

  it('keeps prototype names as header names', async () => {
    const text = lines(
      '__proto__: a',
      'constructor: b',
      'List-__proto__: c',
      'Content-Type: text/plain; __proto__=x',
      '',
      '',
    )
    const message = await parseMessage(bytesSource(text))
    expect(message.headers.slice(0, 2)).toEqual([
      { name: '__proto__', value: 'a' },
      { name: 'constructor', value: 'b' },
    ])
    expect(Object.getPrototypeOf({})).not.toHaveProperty('x')
  })

  it('hands on a failure to read the bytes', async () => {
    const failure = new MailError('STORAGE_FAILED', 'the disk is gone', { temporary: true })
    const source = {
      size: 10,
      // biome-ignore lint/correctness/useYield: it fails before the first chunk
      async *open() {
        throw failure
      },
    }
    await expect(parseMessage(source)).rejects.toBe(failure)
  })
})

const levels = (count: number) =>
  Array.from({ length: count }, (_, level) =>
    lines(`Content-Type: multipart/mixed; boundary=b${level}`, '', `--b${level}`, ''),
  ).join('')

const multipart = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n'

describe('parseMessage of hostile messages', () => {
  it.each([
    ['10,000 levels', levels(10_000)],
    ['10,000 nested messages', 'Content-Type: message/rfc822\r\n\r\n'.repeat(10_000)],
    ['10,000 parts', multipart + '--b\r\n\r\nx\r\n'.repeat(10_000)],
    ['a header of 1.1 MiB', `Subject: ${'x'.repeat(1_150_000)}\r\n\r\n`],
    ['headers of parts of 1.1 MiB', multipart + `--b\r\nX: ${'x'.repeat(1300)}\r\n\r\n`.repeat(900)],
    ['a flood of fields', 'To: a@b\r\n'.repeat(100_000)],
  ])('refuses %s with MESSAGE_INVALID, and still serves the bytes', async (_, text) => {
    const source = bytesSource(text)
    const began = performance.now()
    await expect(parseMessage(source)).rejects.toMatchObject({ code: 'MESSAGE_INVALID', temporary: false })
    expect(performance.now() - began).toBeLessThan(2000)
    expect((await readAll(source)).toString()).toBe(text)
  })

  it.each([
    ['95 levels', levels(95)],
    ['990 parts', multipart + '--b\r\n\r\nx\r\n'.repeat(990)],
    ['20,000 addresses on a line', `To: ${'a@b.test,'.repeat(20_000)}\r\n\r\n`],
    ['addresses in punycode', `To: ${'a@xn--a,'.repeat(20_000)}\r\n\r\n`],
    ['groups in groups', `To: ${'g:'.repeat(200_000)}\r\n\r\n`],
    ['comments in comments', `To: ${'('.repeat(500_000)}\r\n\r\n`],
    ['encoded words', `Subject: ${'=?utf-8?q?a?= =?latin1?b?YQ==?= '.repeat(10_000)}\r\n\r\n`],
    ['beginnings of encoded words', `Subject: ${'=?a?q?'.repeat(100_000)}\r\n\r\n`],
    ['parameters', `Content-Type: text/plain${'; p*1*=%20'.repeat(40_000)}\r\n\r\n`],
    ['an unknown charset', `Content-Type: text/plain; charset="${'x'.repeat(100_000)}"\r\n\r\nx`],
    [
      'a charset of state',
      `Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n${'\x1b$B'.repeat(200_000)}`,
    ],
    ['100,000 URLs', `\r\n${'http://a.test/b '.repeat(100_000)}`],
    ['100,000 URLs in a word', `\r\n${'http://a.test/b'.repeat(100_000)}`],
    [
      'nested quotes in HTML',
      `Content-Type: text/html\r\n\r\n${'<blockquote>'.repeat(900)}${'x<br>'.repeat(100_000)}`,
    ],
    ['open tags in HTML', `Content-Type: text/html\r\n\r\n${'<b>'.repeat(300_000)}`],
    ['a line of 5 MB', `\r\n${'x'.repeat(5_000_000)}`],
  ])('takes %s in its stride', async (_, text) => {
    const began = performance.now()
    await parseMessage(bytesSource(text))
    expect(performance.now() - began).toBeLessThan(3000)
  })

  it('answers with a message or MESSAGE_INVALID, and nothing else, to whatever it is given', async () => {
    const fragments = fc.constantFrom(
      'Content-Type: ',
      'multipart/mixed; boundary=b',
      'text/html; charset=',
      'message/rfc822',
      'Content-Transfer-Encoding: base64',
      "Content-Disposition: attachment; filename*=utf-8''%",
      'To: ',
      'References: ',
      'List-Id: ',
      'DKIM-Signature: ',
      '--b',
      '--b--',
      '=?utf-8?q?=',
      '?=',
      '\r\n',
      '\n',
      '\r\n\r\n',
      ' ',
      ';',
      '"',
      '<',
      '(',
      '\0',
      '\xff\xfe',
      '__proto__',
      'x@y',
    )
    const messages = fc
      .array(fragments, { maxLength: 40 })
      .map(parts => Buffer.from(parts.join(''), 'latin1'))
    await fc.assert(
      fc.asyncProperty(messages, async bytes => {
        const outcome = await parseMessage(bytesSource(bytes)).catch((error: unknown) => error)
        if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'MESSAGE_INVALID' })
        else expect(outcome).toHaveProperty('headers')
      }),
      { numRuns: 500 },
    )
  })
})
