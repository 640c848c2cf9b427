/**
 * Delivers a queue in SQLite to the sink, in a process of its own: `deliver.ts <folder> <sink port>`. Takes mail by SMTP
 * too, and tells its port by IPC; begins at the first message, and at the second tells its CPU time and memory and ends.
 */
import { once } from 'node:events'
import { join } from 'node:path'
import { setInterval } from 'node:timers'
import { builtPackage, builtSqlite } from '../shared/built-package.js'

/** What a run took. */
export interface Usage {
  readonly cpuMs: number
  readonly rssMb: number
}

const { createDeliveryQueue, createDnsZone, createSmtpServer } = await builtPackage()
const { sqliteStorage } = await builtSqlite()
const [, , folder = '.', port = '25'] = process.argv
const storage = sqliteStorage({ path: join(folder, 'queue.db') })
const zone = createDnsZone()
for (let domain = 0; domain < 10; domain++) {
  zone.set(`d${domain}.test`, { mx: [{ preference: 10, exchange: `mx${domain}.test` }] })
  zone.set(`mx${domain}.test`, { a: '127.0.0.1' })
}
const queue = createDeliveryQueue({
  storage,
  hostname: 'mx.example.test',
  resolver: zone,
  delivery: { port: Number(port), allowPrivateAddresses: true, tls: 'none' },
})
queue.pause()
const server = createSmtpServer({
  hostname: 'mx.example.test',
  domains: ['example.test'],
  accounts: { authenticate: async () => undefined, find: async () => undefined },
  queue,
  relayNetworks: ['127.0.0.1'],
  limits: { connectionsPerAddress: 1_000 },
})
const listening = await server.listen({ port: 0, host: '127.0.0.1' })
const begin = once(process, 'message')
process.send?.({ port: listening.port })
await begin
const end = once(process, 'message')
let most = 0
const watch = setInterval(() => {
  most = Math.max(most, process.memoryUsage.rss())
}, 50)
const before = process.cpuUsage()
queue.resume()
await end
clearInterval(watch)
const { user, system } = process.cpuUsage(before)
process.send?.({ cpuMs: (user + system) / 1_000, rssMb: most / 2 ** 20 } satisfies Usage)
await server.close()
await queue.close()
await storage.close()
process.disconnect()
