/** Users out of the app's own database: two questions, answered in a few lines. */
import assert from 'node:assert/strict'
import { createTransport } from 'nodemailer'
import { type Accounts, createMailStore, createSmtpServer, formatAddress } from 'posthorn'

/** Stands for the app's database. */
const users = new Map([
  ['alice@example.test', { id: 'user-17', checkPassword: async (given: string) => given === 'secret' }],
])

const accounts: Accounts = {
  async authenticate({ username, password }) {
    const user = users.get(username.toLowerCase())
    return (await user?.checkPassword(password)) ? { id: user?.id ?? '' } : undefined
  },
  async find(address) {
    const user = users.get(formatAddress(address).toLowerCase())
    return user && { account: user.id, quota: { bytes: 100_000_000 } }
  },
}

const store = createMailStore()
const smtp = createSmtpServer({ hostname: 'mx.example.test', domains: ['example.test'], accounts, store })
const { port } = await smtp.listen({ host: '127.0.0.1', port: 0 })

const client = createTransport({ host: '127.0.0.1', port, ignoreTLS: true })
await client.sendMail({ from: 'bob@other.test', to: 'Alice+news@example.test', subject: 'Hello', text: 'Hi' })
await assert.rejects(
  client.sendMail({ from: 'bob@other.test', to: 'nobody@example.test', subject: 'Hello', text: 'Hi' }),
  /550 5\.1\.1/,
)
assert.equal((await (await store.mailbox('user-17')).list()).length, 1)
console.log('The database was asked who is who')

client.close()
await smtp.close()
await store.close()
