/**
 * Delivers a queue in SQLite to the sink, in a process of its own: `deliver.ts <folder> <sink port>`. Takes mail by SMTP
 * too, and tells its port by IPC; is told by IPC to let the queue `go`, to `hold` it, and to `end`, when it tells the CPU
 * time and the memory that it took since it was let go.
 */
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
let most = 0
let before = process.cpuUsage()
const watch = setInterval(() => {
  most = Math.max(most, process.memoryUsage.rss())
}, 50)
const end = new Promise<void>(resolve => {
  process.on('message', asked => {
    if (asked === 'end') resolve()
    else if (asked === 'hold') queue.pause()
    else {
      most = 0
      before = process.cpuUsage()
      queue.resume()
    }
  })
})
process.send?.({ port: listening.port })
await end
clearInterval(watch)
const { user, system } = process.cpuUsage(before)
process.send?.({ cpuMs: (user + system) / 1_000, rssMb: most / 2 ** 20 } satisfies Usage)
await server.close()
await queue.close()
await storage.close()
process.disconnect()
