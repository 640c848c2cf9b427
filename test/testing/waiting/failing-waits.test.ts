import { connect } from 'node:net'
import { createTransport } from 'nodemailer'
import { describe, expect, it } from 'vitest'
import { createTestMail, type TestMail } from '../../../src/testing/index.js'
import { Conversation } from '../../smtp-server/conversation.js'
import { send } from '../send.js'

/** What a wait says that fails. */
async function problemOf(wait: Promise<unknown>): Promise<string> {
  try {
    await wait
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('expected the wait to fail')
}

const soon = { timeout: 20 }

async function greet(mail: TestMail) {
  const socket = connect({ host: mail.smtp.host, port: mail.smtp.port })
  await new Promise(resolve => socket.once('data', resolve))
  return socket
}

describe('a wait that fails says why', () => {
  it('nothing came', async () => {
    await using mail = await createTestMail()
    const criteria = { to: 'alice@x.test', subject: /^Welcome/, headers: { 'x-kind': true, 'x-old': false } }
    expect(await problemOf(mail.waitForMessage(criteria, soon))).toMatchSnapshot()
  })

  it('something else came: what nearly fitted, and where it did not', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'bob@x.test', subject: 'Newsletter', text: 'News' })
    await send(mail, { to: 'alice@x.test', subject: 'Welcome!', text: 'Your code: 1234' })
    const criteria = { to: 'alice@x.test', subject: 'Welcome', text: /\d{4}/ }
    expect(await problemOf(mail.waitForMessage(criteria, soon))).toMatchSnapshot()
  })

  it('headers and attachments did not fit', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'a@x.test', attachments: [{ filename: 'a.txt', content: 'a' }] })
    const where = function isLarge() {
      return false
    }
    const criteria = { headers: { 'X-Kind': 'a' }, attachment: 'b.txt', html: 'x', where }
    expect(await problemOf(mail.waitForMessage(criteria, soon))).toMatchSnapshot()
  })

  it('what fits came before the cursor', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'a@x.test', subject: 'Code' })
    expect(
      await problemOf(mail.waitForMessage({ subject: 'Code' }, { ...soon, after: mail.cursor() })),
    ).toMatchSnapshot()
  })

  it('fewer came than were to', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'a@x.test', subject: 'One' })
    await send(mail, { to: 'b@x.test', subject: 'Two' })
    expect(await problemOf(mail.waitForMessages(2, { to: 'a@x.test' }, soon))).toMatchSnapshot()
  })

  it('more came than are shown', async () => {
    await using mail = await createTestMail()
    for (let index = 1; index <= 12; index++) await send(mail, { to: 'a@x.test', subject: `No. ${index}` })
    expect(await problemOf(mail.waitForMessage({ subject: 'No. 13' }, soon))).toMatchSnapshot()
  })

  it('what nearly fitted came long before what did not', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'alice@x.test', subject: 'Welcome!' })
    for (let index = 1; index <= 11; index++) await send(mail, { to: 'bob@x.test', subject: `News ${index}` })
    const problem = await problemOf(mail.waitForMessage({ to: 'alice@x.test', subject: 'Welcome' }, soon))
    expect(problem).toContain('#1 from <shop@app.test> to alice@x.test')
    expect(problem).toContain('subject: wanted "Welcome", got "Welcome!"')
    expect(problem).toContain('#12 ')
    expect(problem).not.toContain('#2 ')
  })

  it('copies were counted', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: ['a@x.test', 'b@x.test'] })
    const wait = mail.waitForMessages(3, {}, { ...soon, per: 'recipient' })
    expect(await problemOf(wait)).toMatch(/^2 of 3 copies came/)
  })

  it('a function of the test threw at a message that was not meant', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'a@x.test', subject: 'None' })
    const first = ({ codes }: { codes: readonly string[] }) => (codes[0] as string).startsWith('4')
    expect(await problemOf(mail.waitForMessage({ where: first }, soon))).toMatch(
      /where: wanted what first\(\) wants, got an error: .*startsWith/,
    )
    const wait = mail.waitForMessage(first)
    await send(mail, { to: 'a@x.test', text: 'Your code: 4821' })
    expect((await wait).number).toBe(2)
    const later = mail.waitForMessage({ subject: (async () => true) as never }, soon)
    expect(await problemOf(later)).toContain('a function that answers later')
  })

  it('a function of the test threw, and there is nothing to wait for', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'a@x.test', subject: 'None' })
    const where = ({ codes }: { codes: readonly string[] }) => (codes[0] as string).startsWith('4')
    for (const match of [where, { where }, { to: 'a@x.test', where }]) {
      await expect(mail.messages(match)).rejects.toThrow(TypeError)
      await expect(mail.expectNone(match)).rejects.toThrow(/startsWith/)
    }
    // Whatever it would answer, the message is another's.
    await mail.expectNone({ to: 'b@x.test', where })
    expect(await mail.messages({ where, subject: 'Some' })).toEqual([])
  })

  it('the queue is paused', async () => {
    await using mail = await createTestMail({ domains: ['app.test'] })
    mail.server.queue.pause()
    await send(mail, { to: 'a@down.test', subject: 'Hi' })
    expect(await problemOf(mail.idle(soon))).toMatch(
      /Deliveries that are due, in a queue that is paused:\n +a@down\.test/,
    )
    expect(await problemOf(mail.waitForMessage({ to: 'b@x.test' }, soon))).toContain(
      'The queue, which is paused:',
    )
  })

  it('the server refused it', async () => {
    await using mail = await createTestMail({
      domains: ['x.test'],
      users: [{ name: 'alice@x.test', password: 'secret' }],
    })
    const sending = send(mail, { from: 'alice@x.test', to: 'nobody@x.test' })
    await expect(sending).rejects.toThrow(/550/)
    await mail.idle()
    expect(await problemOf(mail.waitForMessage({ to: 'nobody@x.test' }, soon))).toMatchSnapshot()
  })

  it('it waits in the queue', async () => {
    await using mail = await createTestMail({
      domains: ['app.test'],
      server: { retry: ({ now }) => ({ retryAt: now + 900_000 }) },
    })
    mail.dns.set('down.test', { mx: 'mx.down.test' })
    mail.dns.set('mx.down.test', { a: '192.0.2.9' })
    await send(mail, { to: 'a@down.test', subject: 'Hi' })
    await mail.idle()
    expect(await problemOf(mail.waitForMessage({ envelope: { sender: '' } }, soon))).toMatchSnapshot()
  })

  it('a client is still talking', async () => {
    await using mail = await createTestMail()
    const socket = await greet(mail)
    expect(await problemOf(mail.waitForMessage({}, soon))).toMatchSnapshot()
    expect(await problemOf(mail.idle(soon))).toMatchSnapshot()
    socket.destroy()
  })

  it('fewer copies came than were to', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: ['a@x.test', 'b@x.test', 'c@y.test'], subject: 'To many' })
    const copies = { ...soon, per: 'recipient' } as const
    expect(await problemOf(mail.waitForMessages(3, { to: /@x\.test$/ }, copies))).toMatchSnapshot()
  })

  it('what came was not of this tenant', async () => {
    await using mail = await createTestMail({ domains: ['app.test'] })
    const [tenant, other] = [mail.tenant(), mail.tenant()]
    await send(other, { to: other.address('bob'), subject: 'Not yours' })
    await send(tenant, { to: tenant.address('bob'), subject: 'Yours' })
    const problem = await problemOf(tenant.waitForMessage({ subject: 'Other' }, soon))
    expect(problem.replaceAll(tenant.domain, 'ours.tenant.test')).toMatchSnapshot()
  })

  it('the server was closed, or the wait was given up', async () => {
    const mail = await createTestMail()
    const ending = new AbortController()
    const given = mail.waitForMessage({}, { signal: ending.signal })
    const closed = mail.waitForMessage()
    ending.abort()
    await expect(given).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await problemOf(given)).toMatchSnapshot()
    await Promise.all([mail.close(), expect(closed).rejects.toMatchObject({ code: 'CLOSED' })])
    expect(await problemOf(closed)).toMatchSnapshot()
  })

  it('TLS went wrong', async () => {
    await using mail = await createTestMail()
    const client = await Conversation.open(mail.smtp.port)
    await client.expect('220')
    await client.ask('EHLO client.test', '250')
    await client.ask('STARTTLS', '220')
    client.send('this is no TLS')
    await client.closed()
    await mail.idle()
    const problem = await problemOf(mail.waitForMessage({}, soon))
    expect(problem.replace(/\(.*SSL.*?\)/, '(what OpenSSL says)')).toMatchSnapshot()
  })

  it.each(['settings', 'secureSettings'] as const)(
    'the client did not trust the certificate: %s',
    async kind => {
      await using mail = await createTestMail()
      const { smtp } = mail.server
      const ended = new Promise(resolve => {
        smtp.on('session:closed', resolve)
        smtp.on('session:refused', resolve)
      })
      const { tls: _, ...distrusting } = mail.smtp[kind]
      const transport = createTransport(distrusting)
      await expect(transport.sendMail({ to: 'a@x.test' })).rejects.toThrow('self-signed certificate')
      await ended
      expect(await problemOf(mail.waitForMessage({}, soon))).toMatch(
        /127\.0\.0\.1: the session ended in the TLS handshake.*mail\.tls\.ca, or a test mail with tls: false/,
      )
    },
  )

  it('it is held in the queue', async () => {
    await using mail = await createTestMail({ domains: ['app.test'] })
    const { entries } = await mail.send({
      from: 'a@app.test',
      to: 'b@[198.51.100.9]',
      subject: 'Hi',
      text: 'x',
    })
    await mail.idle()
    await mail.server.queue.hold(entries)
    const problem = await problemOf(mail.waitForMessage({ to: 'nobody@app.test' }, soon))
    expect(problem).toMatchSnapshot()
  })

  it('none was to come', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'a@x.test', subject: 'Spam' })
    await send(mail, { to: ['a@x.test', 'b@x.test'], subject: 'Spam \u001b[31m' })
    expect(await problemOf(mail.expectNone({ to: 'a@x.test' }))).toMatchSnapshot()
  })
})
