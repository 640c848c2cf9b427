import fc from 'fast-check'
import { simpleParser } from 'mailparser'
import MailComposer from 'nodemailer/lib/mail-composer'
import { describe, expect, it } from 'vitest'
import { readPlainMessage } from '../../src/message/read-plain-message.js'
import { bytesSource } from '../../src/message/sources.js'
import { parseStructure } from '../../src/message/structure.js'

async function read(bytes: Buffer) {
  const { root } = await parseStructure(bytesSource(bytes))
  return readPlainMessage(bytes, root)
}

/** The same of mailparser. */
async function parse(bytes: Buffer) {
  const mail = await simpleParser(bytes, { skipHtmlToText: true, skipTextToHtml: true })
  const addresses = (found: typeof mail.to | typeof mail.from) =>
    [found ?? []].flat().flatMap(each => each.value.map(({ name, address = '' }) => ({ name, address })))
  return {
    from: addresses(mail.from),
    to: addresses(mail.to),
    cc: addresses(mail.cc),
    bcc: addresses(mail.bcc),
    replyTo: addresses(mail.replyTo),
    references: [mail.references ?? []].flat(),
    attachments: mail.attachments,
    subject: mail.subject || undefined,
    messageId: mail.messageId,
    inReplyTo: mail.inReplyTo,
    text: mail.text || undefined,
    html: mail.html || undefined,
  }
}

const fields = fc.uniqueArray(
  fc.constantFrom(
    'From: App <app@example.test>',
    'From: "Doe, J." <j@example.test>',
    'From: =?utf-8?q?D=C3=A4ve?= <dave@rome.test>',
    'From: A (comment) <a@b.test>',
    'To: alice@example.test, Bob B <bob@example.test>, "C. D" <c@example.test>',
    'To: <alice@example.test>',
    'To:alice@xn--mnchen-3ya.test',
    'To: Friends: carol@rome.test;',
    'To: a b@c.test',
    'To: first@c.test,, second@c.test',
    'To: a@b.test,\r\n c@d.test',
    'Cc: Bo\tB <b@c.test>, x',
    'Cc: ',
    'Bcc: hidden@example.test',
    'Reply-To: "a\\"b" <reply@example.test>',
    'Subject: hello',
    'Subject:   two  words  \r\n folded\r\n\tagain ',
    'Subject: Grüße',
    'Subject: =?utf-8?b?SGVsbG8=?= there',
    'Subject: a\u0007b\u0000',
    'Message-ID: <1@x.test>',
    'Message-ID: 1@x.test',
    'In-Reply-To: <1@x.test> <2@x.test>',
    'In-Reply-To: <0@x.test>',
    'References: <1@x.test>  <2@x.test>\r\n <3@x.test>',
    'References: 1 2',
    'X-Other: =?utf-8?q?x?=',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Type: text/html; charset="UTF-8"',
    'Content-Type: text/html',
    'Content-Type: TEXT/PLAIN',
    'Content-Type: text/plain; charset=iso-8859-1',
    'Content-Type: text/plain; format=flowed',
    'Content-Type: text/plain; name=a.txt',
    'Content-Type: text/calendar',
    'Content-Type: application/json',
    'Content-Type: text',
    'Content-Type: message/rfc822',
    'Content-Disposition: attachment',
    'Content-Disposition: inline',
    'Content-ID: <c@x.test>',
    'Content-Transfer-Encoding: quoted-printable',
    'Content-Transfer-Encoding: BASE64',
    'Content-Transfer-Encoding: 8bit',
    'Content-Transfer-Encoding: x-other',
    'no field',
  ),
  { maxLength: 6 },
)

const pieces = [
  'a',
  ' ',
  '\t',
  '=',
  '=\r\n',
  '=3D',
  '=C3=A9',
  '=3d',
  'é',
  '\r\n',
  '\n',
  '\r',
  '.',
  'SGVsbG8=',
  'Rm9v',
]
const body = fc
  .array(fc.constantFrom(...pieces, '\u0000', '--b'), { maxLength: 8 })
  .map(text => text.join(''))

const partFields = fc.subarray(
  [
    'Content-Transfer-Encoding: quoted-printable',
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: inline',
    'X-Other: 1',
  ],
  { maxLength: 2 },
)

/** Messages left to mailparser do not count: the property fails when fewer than one in a hundred is plain. */
const plainRuns = { numRuns: 150, maxSkipsPerRun: 100 }

describe('readPlainMessage', () => {
  it('reads nothing otherwise than mailparser does', async () => {
    await fc.assert(
      fc.asyncProperty(fields, body, async (lines, text) => {
        const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${text}`)
        const found = await read(bytes)
        fc.pre(found !== undefined)
        expect(found).toEqual(await parse(bytes))
      }),
      plainRuns,
    )
  })

  it('reads a text and its HTML as mailparser does', async () => {
    await fc.assert(
      fc.asyncProperty(partFields, body, partFields, body, async (one, text, two, html) => {
        const part = (type: string, fields: string[], content: string) =>
          [`--b`, `Content-Type: ${type}`, ...fields, '', content].join('\r\n')
        const head = 'From: a@x.test\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n'
        const parts = [part('text/plain', one, text), part('text/html; charset=utf-8', two, html)]
        const bytes = Buffer.from(`${head}${parts.join('\r\n')}\r\n--b--\r\n`)
        const found = await read(bytes)
        fc.pre(found !== undefined)
        expect(found).toEqual(await parse(bytes))
      }),
      plainRuns,
    )
  })

  it.each([
    { text: 'Hello\n', subject: 'One text' },
    { html: '<p>Hello\n</p>', subject: 'One HTML' },
    { text: 'Hello', html: '<p>Hello</p>', subject: 'Both' },
    { text: `Grüße ${'langer Text '.repeat(20)}\n\n`, html: '<p>€</p>\n', subject: 'Long lines' },
    { text: 'ずっと日本語の文章です。'.repeat(20), subject: 'base64', to: ['"A, B" <a@b.test>', 'c@d.test'] },
  ])('reads what nodemailer composes: $subject', async mail => {
    const composer = new MailComposer({
      from: 'App <app@x.test>',
      to: 'alice@y.test',
      newline: 'win',
      ...mail,
    })
    const bytes = await composer.compile().build()
    const found = await read(bytes)
    expect(found).toMatchObject({ subject: mail.subject })
    expect(found).toEqual(await parse(bytes))
  })

  it('leaves a message with an attachment to mailparser', async () => {
    const attachments = [{ filename: 'a.txt', content: 'x' }]
    const bytes = await new MailComposer({ from: 'a@x.test', text: 'x', attachments }).compile().build()
    expect(await read(bytes)).toBeUndefined()
  })
})
