import { readFileSync } from 'node:fs'
import { createAccounts, createMailServer, type DnsZone, memoryStorage } from 'posthorn'
import type { SimulatedNetwork, VirtualClock } from 'posthorn/testing'
import { dialogueLogger, tell } from './tell.ts'

const pem = (name: string) => readFileSync(new URL(`./tls/${name}.pem`, import.meta.url))

/** Self-signed, for both hosts; its key is public, so it protects nothing but this demonstration. */
export const demoCertificate = pem('cert')

/** What both hosts share. */
export interface World {
  clock: VirtualClock
  network: SimulatedNetwork
  zone: DnsZone
}

/** What makes one host. */
export interface HostOptions {
  domain: string
  address: string
  user: string
  dialogue: boolean
}

/** A mail host for one domain with one user. It can go down, and come back with all that it had stored. */
export function createHost(world: World, options: HostOptions) {
  const { domain, address } = options
  const storage = memoryStorage()
  let server = createServer(world, options, storage)
  return {
    /** The queue of outgoing mail. */
    get queue() {
      return server.queue
    },
    async up() {
      await server.listen({ smtp: { port: 25 }, submission: { port: 587 }, pop3s: { port: 995 } })
      tell(`mx.${domain} (${address}) listens on ports 25, 587 and 995`)
    },
    async down() {
      await server.close({ grace: 0 })
      server = createServer(world, options, storage)
      tell(`mx.${domain} is gone`)
    },
    /** The real port on loopback behind one of the host's ports. */
    realPort: (port: number) => world.network.realPort(address, port) ?? 0,
    [Symbol.asyncDispose]: () => server.close(),
  }
}

function createServer(
  { clock, network, zone }: World,
  { domain, address, user, dialogue }: HostOptions,
  storage: ReturnType<typeof memoryStorage>,
) {
  const hostname = `mx.${domain}`
  const server = createMailServer({
    hostname,
    domains: [domain],
    accounts: createAccounts({
      users: [{ name: user, password: `${user}-password`, addresses: [`${user}@${domain}`] }],
    }),
    storage,
    resolver: zone,
    network: network.host(address),
    tls: { key: pem('key'), cert: demoCertificate },
    clock,
    ...(dialogue && { queue: { logger: dialogueLogger(hostname) } }),
  })
  server.queue.on('recipient:delivered', ({ recipient, attempt }) => {
    tell(`${hostname} → ${attempt.host}: delivered to ${recipient} over ${attempt.tls ?? 'no TLS'}`)
  })
  server.queue.on('dsn:sent', ({ kind, to }) => tell(`${hostname} tells ${to}: ${kind}`))
  return server
}
