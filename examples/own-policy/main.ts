/** A policy of one's own: greylisting in a dozen lines, and a header that says so. */
import assert from 'node:assert/strict'
import { createTransport } from 'nodemailer'
import { createAccounts, createMailStore, createSmtpServer, type Policy } from 'posthorn'

function greylisting(): Policy {
  const seen = new Set<string>()
  return {
    name: 'greylisting',
    rcpt(session, mail, recipient) {
      const triplet = `${session.remoteAddress} ${mail.sender} ${recipient.address}`
      if (seen.has(triplet)) return { action: 'continue', headers: ['X-Greylist: passed'] }
      seen.add(triplet)
      return { action: 'defer', reply: { code: 451, enhanced: '4.7.1', text: 'Greylisted, try again later' } }
    },
  }
}

const store = createMailStore()
const accounts = createAccounts({
  users: [{ name: 'alice', password: 'secret', addresses: ['alice@example.test'] }],
})
const smtp = createSmtpServer({
  hostname: 'mx.example.test',
  domains: ['example.test'],
  accounts,
  store,
  policies: [greylisting()],
})
const { port } = await smtp.listen({ host: '127.0.0.1', port: 0 })

const client = createTransport({ host: '127.0.0.1', port, ignoreTLS: true })
const letter = { from: 'bob@other.test', to: 'alice@example.test', subject: 'Hello', text: 'Hi' }
await assert.rejects(client.sendMail(letter), /451 4\.7\.1/)
await client.sendMail(letter)

const inbox = await store.mailbox('alice')
const [message] = await inbox.list()
const parsed = await inbox.parse(message?.uid ?? 0)
assert.equal(parsed.headers.find(field => field.name === 'x-greylist')?.value, 'passed')
console.log('The second try passed')

client.close()
await smtp.close()
await store.close()
