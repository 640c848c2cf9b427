/** Bounces that say what they are about: signed return addresses, and the event of the queue. */
import assert from 'node:assert/strict'
import { createTransport } from 'nodemailer'
import {
  createAccounts,
  createDeliveryQueue,
  createRouter,
  createSmtpServer,
  createVerp,
  type Transport,
} from 'posthorn'

/** Stands for the rest of the world: remembers the sender that each recipient's mail left with. */
const senders = new Map<string, string>()
const transport: Transport = {
  async deliver({ envelope, recipients }) {
    for (const { address } of recipients) senders.set(address, envelope.sender)
    return recipients.map(({ address }) => ({
      recipient: address,
      status: 'delivered',
      scope: 'recipient',
      reason: 'taken',
    }))
  },
  async close() {},
}

const verp = createVerp({ secret: 'keep this out of your repository' })
const queue = createDeliveryQueue({ hostname: 'mx.example.test', transport, verp })
queue.on('bounce:received', ({ verified, recipient, dsn }) => {
  const failed = dsn?.recipients.find(({ action }) => action === 'failed')
  if (verified && failed) console.log(`${recipient} bounced:`, failed.diagnostic?.text)
})

const accounts = createAccounts({ users: [] })
const router = createRouter({ domains: ['example.test'], accounts, verp })
const smtp = createSmtpServer({ hostname: 'mx.example.test', router, queue })
const { port } = await smtp.listen({ host: '127.0.0.1', port: 0 })

await queue.send({ from: 'news@example.test', to: 'bob@other.test', subject: 'News', text: 'Hello' })
await queue.idle()
const returnPath = senders.get('bob@other.test') ?? ''
assert.match(returnPath, /^news\+bob=other\.test\+\w{10}@example\.test$/)

const bounce = new Promise<string | undefined>(resolve => {
  queue.once('bounce:received', ({ recipient }) => resolve(recipient))
})
const remote = createTransport({ host: '127.0.0.1', port, ignoreTLS: true })
const raw =
  'Subject: failure notice\r\n\r\nHi. This is the qmail-send program at mx.other.test.\r\n\r\n<bob@other.test>:\r\n550 no such user\r\n'
await remote.sendMail({ envelope: { from: '', to: returnPath }, raw })
assert.equal(await bounce, 'bob@other.test')

remote.close()
await smtp.close()
await queue.close()
