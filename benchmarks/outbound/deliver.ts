/**
 * Fills a queue in SQLite, then delivers all of it to the sink: `deliver.ts <folder> <sink port> <messages>`, in a
 * process of its own. Tells by IPC when it is filled, begins at the answer, and tells its CPU time and memory at the end.
 */
import { join } from 'node:path'
import { setInterval } from 'node:timers'
import { builtPackage, builtSqlite } from '../shared/built-package.js'
import { letter } from './letter.js'

const { bytesSource, createDeliveryQueue, createDnsZone } = await builtPackage()
const { sqliteStorage } = await builtSqlite()
const [, , folder = '.', port = '25', count = '2000'] = process.argv
const messages = Number(count)
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
  delivery: { port: Number(port), allowPrivateAddresses: true, tls: 'none', connections: { perHost: 20 } },
})

for (let first = 0; first < messages; first += 200) {
  await Promise.all(Array.from({ length: Math.min(200, messages - first) }, (_, index) => put(first + index)))
}
let most = 0
process.once('message', async () => {
  global.gc?.()
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 50)
  const before = process.cpuUsage()
  await queue.start()
  await queue.idle()
  clearInterval(watch)
  const { user, system } = process.cpuUsage(before)
  process.send?.({ cpuMs: (user + system) / 1_000, rssMb: most / 2 ** 20 })
  await queue.close()
  await storage.close()
  process.disconnect()
})
process.send?.({ filled: true })

async function put(index: number): Promise<void> {
  const destination = `d${index % 10}.test`
  await storage.accept({
    id: `m${index}`,
    message: bytesSource(letter),
    receivedAt: Date.now(),
    copies: [],
    queued: {
      traceId: `m${index}`,
      envelope: { sender: 'a@example.test' },
      recipients: [{ address: `user@${destination}`, destination, dueAt: Date.now() }],
    },
  })
}
