import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createTransport } from 'nodemailer'
import { describe, expect, it } from 'vitest'
import { createTestMail } from '../../../src/testing/index.js'
import { send } from '../send.js'

describe('createTestMail', () => {
  it('takes mail for anybody from anybody, and hands it to a test', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'Alice@Customer.test', bcc: 'carol@elsewhere.test', subject: 'Your order' })
    const message = await mail.waitForMessage({ to: 'alice@customer.test' })
    expect(message.subject).toBe('Your order')
    expect(message.text).toBe('Hello\n')
    expect(message.sender).toBe('shop@app.test')
    expect(message.recipients).toEqual(['Alice@customer.test', 'carol@elsewhere.test'])
    expect(message.hiddenRecipients).toEqual(['carol@elsewhere.test'])
    expect(message.raw.toString()).not.toMatch(/^Received:/m)
    expect(message.session).toMatchObject({ user: 'test@mail.test', remoteAddress: '127.0.0.1' })
    expect(message.session?.tls?.version).toBe('TLSv1.3')
    expect(message.session?.transcript.map(line => line.text)).toContain('MAIL FROM:<shop@app.test>')
    const inbox = await mail.server.store.mailbox('alice@customer.test')
    expect((await inbox.status()).messages).toBe(1)
  })

  it('is trusted by its certificate, encrypted from the start too', async () => {
    await using mail = await createTestMail({ hostname: 'mx.shop.test' })
    const transport = createTransport({
      ...mail.smtp.secureSettings,
      tls: { ca: mail.tls.ca, servername: 'mx.shop.test' },
    })
    await transport.sendMail({ from: 'a@app.test', to: 'b@app.test', text: 'x' })
    transport.close()
    const { session } = await mail.waitForMessage()
    expect(session?.tls?.serverName).toBe('mx.shop.test')
  })

  it('closes at once, with clients connected and waits under way', async () => {
    const mail = await createTestMail()
    const transport = createTransport({ ...mail.smtp.settings, pool: true })
    await transport.sendMail({ from: 'a@app.test', to: 'b@app.test', text: 'x' })
    const wait = mail.waitForMessage({ to: 'nobody@app.test' })
    const refused = expect(wait).rejects.toMatchObject({ code: 'CLOSED' })
    const start = performance.now()
    await mail.close()
    await refused
    expect(performance.now() - start).toBeLessThan(1_000)
    transport.close()
  })

  it('sends nowhere: a domain that is not kept here has no server', async () => {
    await using mail = await createTestMail({ domains: ['app.test'] })
    await send(mail, { to: 'carol@customer.test', subject: 'Hi' })
    const bounce = await mail.waitForMessage({ envelope: { sender: '' } })
    expect(bounce.recipients).toEqual(['shop@app.test'])
    expect(bounce.session).toBeUndefined()
  })

  it('tells apps where to log in', async () => {
    await using mail = await createTestMail({ users: [{ name: 'app@shop.test', password: 's3cret/' }] })
    expect(mail.env('MY_')).toMatchObject({
      MY_SMTP_PORT: String(mail.smtp.port),
      MY_SMTP_URL: `smtp://app%40shop.test:s3cret%2F@127.0.0.1:${mail.smtp.port}`,
      MY_POP3_PORT: String(mail.pop3.port),
    })
  })

  it.each(['::1', '::', '0.0.0.0', 'localhost'])(
    'is reached and trusted where it listens: %s',
    async host => {
      await using mail = await createTestMail({ host })
      for (const settings of [mail.smtp.settings, mail.smtp.secureSettings]) {
        const transport = createTransport(settings)
        await transport.sendMail({ from: 'a@app.test', to: 'b@app.test', text: 'x' })
        transport.close()
      }
      expect(await mail.messages()).toHaveLength(2)
      expect(new URL(mail.smtp.url).port).toBe(String(mail.smtp.port))
      expect(new URL(mail.env()['SMTP_URL'] ?? '').port).toBe(String(mail.smtp.port))
    },
  )

  it('takes clients that were given a URL alone, where it offers no STARTTLS', async () => {
    await using mail = await createTestMail({ tls: false })
    const transport = createTransport(mail.env()['SMTP_URL'])
    await transport.sendMail({ from: 'a@app.test', to: 'b@app.test', text: 'x' })
    transport.close()
    expect((await mail.waitForMessage()).session?.tls).toBeUndefined()
    const secure = createTransport(mail.smtp.secureSettings)
    await secure.verify()
    secure.close()
  })

  it('is trusted by another process that has its environment, which is gone once it is closed', async () => {
    const mail = await createTestMail()
    const env = mail.env('MAIL_')
    const script = `
      import { createTransport } from 'nodemailer'
      await createTransport(process.env.MAIL_SMTP_URL).sendMail({ from: 'a@app.test', to: 'b@x.test', text: 'x' })
    `
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    expect((await once(child, 'exit'))[0]).toBe(0)
    expect((await mail.waitForMessage({ to: 'b@x.test' })).session?.tls?.version).toBe('TLSv1.3')
    const file = env['NODE_EXTRA_CA_CERTS'] ?? ''
    expect(existsSync(file)).toBe(true)
    await mail.close()
    expect(existsSync(file)).toBe(false)
  })

  it('tells of arrivals as they come', async () => {
    await using mail = await createTestMail({ domains: ['app.test'] })
    const senders: string[] = []
    const stop = mail.onArrival(({ envelope }) => senders.push(envelope.sender))
    await send(mail, { to: 'nobody@elsewhere.test' })
    const bounce = await mail.waitForMessage({ envelope: { sender: '' } })
    await mail.send({ from: 'a@app.test', to: 'b@app.test', text: 'x' })
    expect(senders).toEqual(['shop@app.test', '', 'a@app.test'])
    expect(bounce.trace()).toMatch(/arrived from this host, \d+ octets: <> to shop@app\.test/)
    const own = await mail.waitForMessage({ from: 'a@app.test' })
    expect(own.trace()).toMatch(/arrived from this host/)
    stop()
    await send(mail, { to: 'b@app.test' })
    expect(senders).toHaveLength(3)
  })
})
