import { createSimulatedNetwork } from '../../src/core/simulated-network.js'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import {
  createAccounts,
  createDnsZone,
  createMailServer,
  type MailServer,
  type MailServerOptions,
} from '../../src/index.js'
import { testTls } from '../fixtures/tls.js'

/** A small internet on a virtual clock: hosts with domains, mailboxes and DNS of their own. */
export function createMailWorld() {
  const clock = createVirtualClock({ haltAfter: 200 })
  const network = createSimulatedNetwork()
  const zone = createDnsZone({})
  const servers: MailServer[] = []
  let lastAddress = 0

  /** An address that no other host has. */
  const newAddress = () => `192.0.2.${++lastAddress}`

  /** A mail host `mx.<domain>` for one domain with some users, listening on port 25, found by MX. */
  async function host(domain: string, options: HostOptions = {}) {
    const address = newAddress()
    const hostname = `mx.${domain}`
    zone.set(domain, { mx: [{ preference: 10, exchange: hostname }] })
    zone.set(hostname, { a: address })
    const users = (options.users ?? ['postmaster']).map(name => ({
      name,
      password: `${name}-password`,
      addresses: [`${name}@${domain}`],
    }))
    const server = createMailServer({
      hostname,
      domains: [domain],
      accounts: createAccounts({ users, aliases: options.aliases ?? {} }),
      resolver: zone,
      network: network.host(address),
      clock,
      tls: testTls,
      ...options.server,
    })
    servers.push(server)
    const up = () => server.listen({ smtp: { port: 25 } })
    if (options.up !== false) await up()
    return { ...server, domain, address, up, inbox: (user: string) => readInbox(server, user) }
  }

  return {
    clock,
    network,
    zone,
    newAddress,
    host,
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map(server => server.close({ grace: 0 })))
    },
  }
}

/** What {@link createMailWorld} makes a host of. */
export interface HostOptions {
  /** Names of users; each has an address of that name and the password `<name>-password`. */
  users?: readonly string[]
  aliases?: Record<string, string[]>
  server?: Partial<MailServerOptions>
  /** Whether it listens from the start. Default: yes. */
  up?: boolean
}

/** The messages of a user's INBOX, as people read them. */
async function readInbox(server: MailServer, user: string) {
  const mailbox = await server.store.mailbox(user)
  const messages = await mailbox.list()
  return Promise.all(messages.map(message => mailbox.parse(message)))
}
