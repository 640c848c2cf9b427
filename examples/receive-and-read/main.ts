/** A server that takes mail for one domain, and an app that reads it as it comes. */
import assert from 'node:assert/strict'
import { createTransport } from 'nodemailer'
import {
  createAccounts,
  createDeliveryQueue,
  createMailStore,
  createSmtpServer,
  memoryStorage,
} from 'posthorn'

const storage = memoryStorage()
const accounts = createAccounts({
  users: [{ name: 'alice', password: 'secret', addresses: ['alice@example.test'] }],
})
const store = createMailStore({ storage })
const queue = createDeliveryQueue({ storage, hostname: 'mx.example.test' })
const smtp = createSmtpServer({
  hostname: 'mx.example.test',
  domains: ['example.test'],
  accounts,
  store,
  queue,
})
const { port } = await smtp.listen({ host: '127.0.0.1', port: 0 })
const changes = store.changes({ account: 'alice' })

const client = createTransport({ host: '127.0.0.1', port, ignoreTLS: true })
await client.sendMail({
  from: 'bob@other.test',
  to: 'alice@example.test',
  subject: 'Hello',
  text: 'How are you?',
})

for await (const change of changes) {
  if (change.kind !== 'added') continue
  const mailbox = await store.mailbox(change.account, change.mailbox)
  const message = await mailbox.parse(change.message)
  console.log(`${message.from[0]?.address} wrote: ${message.subject}`)
  assert.equal(message.subject, 'Hello')
  break
}

client.close()
await smtp.close()
await queue.close()
await store.close()
