/** Mail that outlives the process: a message taken by one server is read by the next, out of one file. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import { createAccounts, createMailServer, createMailStore } from 'posthorn'
import { sqliteStorage } from 'posthorn/sqlite'

const folder = await mkdtemp(join(tmpdir(), 'posthorn-'))
const path = join(folder, 'mail.db')

async function takeOneMessage() {
  await using storage = sqliteStorage({ path })
  await using server = createMailServer({
    hostname: 'mx.example.test',
    domains: ['example.test'],
    accounts: createAccounts({
      users: [{ name: 'alice', password: 'secret', addresses: ['alice@example.test'] }],
    }),
    storage,
  })
  const { smtp } = await server.listen({ smtp: { host: '127.0.0.1', port: 0 } })
  const client = createTransport({ host: '127.0.0.1', port: smtp?.port ?? 0, ignoreTLS: true })
  await client.sendMail({
    from: 'bob@other.test',
    to: 'alice@example.test',
    subject: 'Kept',
    text: 'On disk.',
  })
  client.close()
}

async function readIt() {
  await using storage = sqliteStorage({ path })
  await using store = createMailStore({ storage })
  const mailbox = await store.mailbox('alice')
  const [message] = await mailbox.list()
  assert.equal((await mailbox.parse(message?.uid ?? 0)).subject, 'Kept')
  assert.deepEqual(await storage.check(), [])
}

await takeOneMessage()
await readIt()
await rm(folder, { recursive: true })
console.log('The message was on disk when its sender heard 250')
