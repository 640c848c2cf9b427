import { expect, it } from 'vitest'
import { createTestMail } from '../../../src/testing/index.js'
import { Conversation } from '../../smtp-server/conversation.js'

const utf8Body = 'From: x@x.test\r\nSubject: Grüße\r\n\r\nπ ≈ 3\r\n'

it.each([
  ['8 bits', Buffer.from('Subject: x\r\n\r\n\u00e4\u00ff\u0080\r\n', 'latin1'), ' BODY=8BITMIME', 'a@x.test'],
  ['leading dots', Buffer.from('Subject: x\r\n\r\n.\r\n..\r\n...three\r\n.end\r\n'), '', 'a@x.test'],
  ['UTF-8 in header and address', Buffer.from(utf8Body), ' BODY=8BITMIME SMTPUTF8', 'jürgen@x.test'],
  [
    'long lines',
    Buffer.from(`Subject: x\r\n\r\n${'x'.repeat(998)}\r\n${'.'.repeat(997)}\r\n`),
    '',
    'a@x.test',
  ],
  ['no header, no text', Buffer.from('\r\n'), '', 'a@x.test'],
])('%s come as they were sent', async (_what, bytes, parameters, to) => {
  await using mail = await createTestMail()
  const client = await Conversation.open(mail.smtp.port)
  await client.expect('220')
  await client.ask('EHLO client.test', '250')
  await client.ask(`MAIL FROM:<${to}>${parameters}`, '250')
  await client.ask(`RCPT TO:<${to}>`, '250')
  await client.ask('DATA', '354')
  // The dots at the beginning of lines doubled (RFC 5321 §4.5.2).
  client.write(Buffer.from(bytes.toString('latin1').replace(/^\./gm, '..'), 'latin1'))
  await client.ask('.', '250')
  client.destroy()
  const message = await mail.waitForMessage()
  expect(message.raw.equals(bytes), message.raw.toString('latin1')).toBe(true)
  expect([message.sender, ...message.recipients]).toEqual([to, to])
})
