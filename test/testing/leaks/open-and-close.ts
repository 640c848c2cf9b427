/** Opens and closes test mails in a process of its own, and tells what is left of them. */
import { createTransport } from 'nodemailer'
import { createTestInternet, createTestMail, type TestMail } from '../../../src/testing/index.js'
import { Conversation } from '../../smtp-server/conversation.js'

const collect = (globalThis as { gc?: () => void }).gc

/** What the process holds. */
function held() {
  collect?.()
  const { heapUsed, rss } = process.memoryUsage()
  return { resources: process.getActiveResourcesInfo().length, heapUsed, rss }
}

/** What a test may have begun when it ends. */
const endings: readonly ((mail: TestMail) => Promise<unknown>)[] = [
  async function inOrder(mail) {
    const transport = createTransport(mail.smtp.settings)
    await transport.sendMail({ from: 'a@app.test', to: 'b@app.test', text: 'x' })
    await mail.waitForMessage()
    transport.close()
  },
  async function withConnectionKept(mail) {
    const transport = createTransport({ ...mail.smtp.settings, pool: true })
    await transport.sendMail({ from: 'a@app.test', to: 'b@app.test', text: 'x' })
    await mail.waitForMessage()
    setImmediate(() => transport.close())
  },
  async function inTheMiddleOfAWait(mail) {
    mail.waitForMessage({ to: 'nobody@app.test' }).catch(() => {})
  },
  async function inTheMiddleOfAMessage({ smtp }) {
    const client = await Conversation.open(smtp.port)
    await client.expect('220')
    for (const line of ['EHLO client.test', 'MAIL FROM:<a@app.test>', 'RCPT TO:<b@app.test>'])
      await client.ask(line, '250')
    await client.ask('DATA', '354')
    client.send('Subject: half')
  },
  async function withAPop3ClientInside({ pop3 }) {
    const client = await Conversation.open(pop3.port)
    await client.received(1)
    client.send('USER b@app.test')
    client.send('PASS any')
    await client.received(60)
  },
  async function withAQueueThatWaits(mail) {
    // Nobody is at that address, so that it is tried again later.
    await mail.send({ from: 'a@app.test', to: 'b@[198.51.100.9]', text: 'x' })
    await mail.idle()
  },
  async function withAnInternet() {
    await using internet = createTestInternet()
    const paris = await internet.server('paris.test', { users: ['alice'] })
    internet.host('mx.rome.test').on.rcpt().reply(451, '4.7.1 Not now')
    await paris.queue.send({ from: 'alice@paris.test', to: 'bob@rome.test', text: 'x' })
    await internet.clock.advance('1h')
  },
]

/** Every third leaves something; the others are opened and closed. */
async function once(index: number): Promise<void> {
  const mail = await createTestMail()
  if (index % 3 === 0) await endings[(index / 3) % endings.length]?.(mail)
  await mail.close()
}

const rounds = Number(process.argv[2] ?? 1_000)
for (let index = 0; index < rounds / 2; index++) await once(index)
const halfway = held()
for (let index = 0; index < rounds / 2; index++) await once(index)
await new Promise(resolve => setTimeout(resolve, 50))
process.stdout.write(JSON.stringify({ halfway, end: held() }))
