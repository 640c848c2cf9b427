import { createTransport } from 'nodemailer'
import { describe, expect, it } from 'vitest'
import { createTestMail } from '../../../src/testing/index.js'
import { send } from '../send.js'

describe('waiting for mail', () => {
  it('takes what arrived already, and what arrives later', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'a@x.test', subject: 'One' })
    expect((await mail.waitForMessage({ subject: 'One' })).number).toBe(1)
    const wait = mail.waitForMessage({ subject: /^Tw/ })
    await send(mail, { to: 'a@x.test', subject: 'Two' })
    expect((await wait).number).toBe(2)
  })

  it('never gives what came before the cursor', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'a@x.test', subject: 'Code' })
    const first = await mail.waitForMessage({ to: 'a@x.test' })
    const wait = mail.waitForMessage({ to: 'a@x.test' }, { after: first })
    await send(mail, { to: 'b@x.test', subject: 'Other' })
    await send(mail, { to: 'a@x.test', subject: 'Code' })
    expect((await wait).number).toBe(3)
    expect((await mail.messages({}, { after: first })).map(({ number }) => number)).toEqual([2, 3])
    expect(await mail.messages({}, { after: mail.cursor() })).toEqual([])
  })

  it('counts a message once, and its copies once for each recipient', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: ['a@x.test', 'b@x.test'], bcc: ['c@y.test', 'A@x.test'] })
    await send(mail, { to: 'a@x.test' })
    expect(await mail.waitForMessages(2)).toHaveLength(2)
    const copies = await mail.waitForMessages(4, {}, { per: 'recipient' })
    expect(copies.map(({ recipient }) => recipient)).toEqual(['a@x.test', 'b@x.test', 'c@y.test', 'a@x.test'])
    expect(await mail.waitForMessages(2, { to: 'a@x.test' }, { per: 'recipient' })).toHaveLength(2)
    expect(await mail.waitForMessages(3, { to: /@x\.test$/ }, { per: 'recipient' })).toHaveLength(3)
    await expect(
      mail.waitForMessages(3, { to: 'a@x.test' }, { per: 'recipient', timeout: 10 }),
    ).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it('fits envelope, headers, subject, text and attachments, by strings, patterns and functions', async () => {
    await using mail = await createTestMail()
    await send(mail, {
      envelope: { from: 'bounces@app.test', to: ['a@x.test', 'hidden@y.test'] },
      to: 'a@x.test',
      subject: 'Grüße',
      text: 'Your code: 1234',
      html: '<b>1234</b>',
      headers: { 'X-Kind': 'welcome' },
      attachments: [{ filename: 'terms.pdf', content: 'PDF' }],
    })
    const fitting = [
      { from: 'SHOP@app.test' },
      { from: 'bounces@app.test', to: 'hidden@y.test' },
      { envelope: { sender: /^bounces/, recipients: ['a@x.test', /hidden/] } },
      { subject: 'Grüße', text: 'code: 1', html: /<b>\d+/g },
      { headers: { 'x-kind': 'welcome', 'X-None': false, subject: true } },
      { attachment: /\.pdf$/ },
      { attachment: (file: { content: Uint8Array }) => file.content.length === 3 },
      { where: (message: { number: number }) => message.number === 1 },
    ]
    for (const match of fitting) expect(await mail.messages(match)).toHaveLength(1)
    const others = [{ from: 'app.test' }, { subject: 'Gr' }, { headers: { 'x-kind': true, subject: false } }]
    for (const match of others) expect(await mail.messages(match)).toHaveLength(0)
    expect(await mail.messages(({ text }) => text.includes('1234'))).toHaveLength(1)
  })

  it('makes sure that none comes, once all that is under way has come to its end', async () => {
    await using mail = await createTestMail()
    const sending = send(mail, { to: 'a@x.test', subject: 'Late' })
    await mail.expectNone({ subject: 'Other' })
    expect(await mail.messages()).toHaveLength(1)
    await sending
    await expect(mail.expectNone({ to: 'a@x.test' })).rejects.toMatchObject({ code: 'UNEXPECTED_MAIL' })
    await mail.expectNone({}, { after: mail.cursor() })
  })

  it('does not wait for a connection that a client keeps for later', async () => {
    await using mail = await createTestMail()
    const transport = createTransport({ ...mail.smtp.settings, pool: true })
    await transport.sendMail({ from: 'a@app.test', to: 'b@x.test', text: 'x' })
    await mail.idle({ timeout: 2_000 })
    transport.close()
  })

  it('sees a bounce as soon as it is stored', async () => {
    await using mail = await createTestMail({ domains: ['app.test'] })
    mail.dns.set('down.test', { mx: 'mx.down.test' })
    mail.dns.set('mx.down.test', { a: '192.0.2.9' })
    await send(mail, { to: 'a@down.test', subject: 'Hi' })
    await mail.clock.advance('31h')
    const [warning, bounce] = await mail.waitForMessages(2, { to: 'shop@app.test' })
    expect(warning?.subject).not.toBe(bounce?.subject)
    expect(bounce?.sender).toBe('')
    expect(await mail.server.queue.list()).toEqual([])
  })
})
