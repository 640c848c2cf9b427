/** A test of an app that sends mail: the other host is down for a day, and the test takes milliseconds. */
import assert from 'node:assert/strict'
import { createAccounts, createDnsZone, createMailServer, type MailServer } from 'posthorn'
import { createSimulatedNetwork, createVirtualClock } from 'posthorn/testing'

const clock = createVirtualClock()
const network = createSimulatedNetwork()
const zone = createDnsZone({
  'app.test': { mx: 'mx.app.test' },
  'mx.app.test': { a: '192.0.2.1' },
  'customer.test': { mx: 'mx.customer.test' },
  'mx.customer.test': { a: '192.0.2.2' },
})

function host(domain: string, address: string, user: string): MailServer {
  return createMailServer({
    hostname: `mx.${domain}`,
    domains: [domain],
    accounts: createAccounts({
      users: [{ name: user, password: 'secret', addresses: [`${user}@${domain}`] }],
    }),
    resolver: zone,
    network: network.host(address),
    clock,
  })
}

await using app = host('app.test', '192.0.2.1', 'orders')
await using customer = host('customer.test', '192.0.2.2', 'carol')
await app.listen({ smtp: { port: 25 } })

await app.queue.send({
  from: 'orders@app.test',
  to: 'carol@customer.test',
  subject: 'Your order',
  text: 'It is on its way.',
})
await clock.advance('24h')
assert.equal((await app.queue.list())[0]?.state, 'waiting')

await customer.listen({ smtp: { port: 25 } })
await clock.advance('6h')
const inbox = await customer.store.mailbox('carol')
assert.deepEqual(await app.queue.list(), [])
assert.equal((await inbox.status()).messages, 1)
console.log('The order arrived after the host came back')
