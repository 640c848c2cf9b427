/**
 * Fills a queue in SQLite, in a process of its own, so that what delivers it begins with a memory that is empty:
 * `fill.ts <folder> <messages>`.
 */
import { join } from 'node:path'
import { builtPackage, builtSqlite } from '../shared/built-package.js'
import { letter } from './letter.js'

const { bytesSource } = await builtPackage()
const { sqliteStorage } = await builtSqlite()
const [, , folder = '.', count = '2000'] = process.argv
const storage = sqliteStorage({ path: join(folder, 'queue.db') })
const now = Date.now()

for (let first = 0; first < Number(count); first += 400) {
  const length = Math.min(400, Number(count) - first)
  await Promise.all(Array.from({ length }, (_, index) => put(first + index)))
}
await storage.close()

async function put(index: number): Promise<void> {
  const destination = `d${index % 10}.test`
  await storage.accept({
    id: `m${index}`,
    message: bytesSource(letter),
    receivedAt: now,
    copies: [],
    queued: {
      traceId: `m${index}`,
      envelope: { sender: 'a@example.test' },
      recipients: [{ address: `user@${destination}`, destination, dueAt: now }],
    },
  })
}
