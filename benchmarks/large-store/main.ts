/**
 * What a mailbox costs as it grows, in memory and in SQLite: `npx tsx benchmarks/large-store/main.ts [--quick]`. The
 * cost of each operation with 100,000 messages (10,000 with --quick) is told as a ratio to that with 1,000. Then ten
 * messages of 25 MB go in and out at once, and the growth of the process is told.
 */
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MessageSource } from '../../src/message/message-source.js'
import { bytesSource } from '../../src/message/sources.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js'
import type { Storage } from '../../src/storage/storage.js'
import { quantile } from '../shared/statistics.js'

const quick = process.argv.includes('--quick')
const few = 1_000
const many = quick ? 10_000 : 100_000
const repeats = quick ? 5 : 9
const mostRatio = 2
const mostGrowth = 100

const folder = await mkdtemp(join(tmpdir(), 'posthorn-large-'))
const message = bytesSource(
  Buffer.from(`Subject: benchmark\r\n\r\n${'All work and no play.\r\n'.repeat(40)}`),
)
let missed = 0
let batches = 0
async function growth(name: string, storage: Storage): Promise<void> {
  await fill(storage, 'small', few)
  await fill(storage, 'large', many)
  const costs = new Map<string, { small: number[]; large: number[] }>()
  // The first round warms up.
  for (let round = 0; round <= repeats; round++) {
    for (const account of ['small', 'large'] as const) {
      for (const [operation, work] of Object.entries(operations)) {
        const cost = await work(storage, account)
        const all = costs.get(operation) ?? { small: [], large: [] }
        if (round > 0) all[account].push(cost)
        costs.set(operation, all)
      }
    }
  }
  for (const [operation, { small, large }] of costs) {
    const ratio = quantile(large, 0.5) / quantile(small, 0.5)
    const figures = `${quantile(small, 0.5).toFixed(2)} ms with ${few}, ${quantile(large, 0.5).toFixed(2)} ms with ${many}`
    console.log(
      `${name}, ${operation}: ${ratio.toFixed(2)} (target ${mostRatio} ${mark(ratio > mostRatio)}) ${figures}`,
    )
  }
}

function mark(isMissed: boolean): string {
  if (isMissed) missed++
  return isMissed ? 'ABOVE' : 'met'
}

async function fill(storage: Storage, account: string, count: number): Promise<void> {
  for (let done = 0; done < count; done += 500) {
    await Promise.all(Array.from({ length: Math.min(500, count - done) }, () => append(storage, account)))
  }
}

function append(storage: Storage, account: string, source: MessageSource = message) {
  return storage.accept({
    id: `batch-${++batches}`,
    message: source,
    receivedAt: Date.now(),
    copies: [{ account, mailbox: 'INBOX', internalDate: Date.now() }],
  })
}

type Operation = (storage: Storage, account: string) => Promise<number>

/** Each gives its milliseconds, and leaves the mailbox with as many messages as it found. */
const operations: Record<string, Operation> = {
  'append 1,000': (storage, account) => timed(() => fill(storage, account, 1_000)),
  'flag 1,000': async (storage, account) => {
    const { id, from } = await somewhere(storage, account)
    const uids = [{ from, to: from + 999 }]
    return timed(() => storage.mail.setFlags(id, { uids, mode: 'add', flags: [`flag-${++batches}`] }))
  },
  // One alone takes less than the clock can tell apart from other things.
  'list 1,000 by range, 20 times': async (storage, account) => {
    const places = await Promise.all(Array.from({ length: 20 }, () => somewhere(storage, account)))
    return timed(async () => {
      for (const { id, from } of places) await storage.mail.list(id, { uids: [{ from, to: from + 999 }] })
    })
  },
  'open 200 at random': async (storage, account) => {
    const { id, from } = await somewhere(storage, account)
    const messages = await storage.mail.list(id, { uids: [{ from, to: from + 999 }] })
    const opened = Array.from({ length: 200 }, () => messages[Math.floor(Math.random() * messages.length)])
    return timed(async () => {
      for (const each of opened) if (each) await drain(await storage.blobs.open(each.blob))
    })
  },
  'expunge 1,000': async (storage, account) => {
    const { id, from } = await somewhere(storage, account)
    const messages = await storage.mail.list(id, { uids: [{ from, to: Infinity }], limit: 1_000 })
    return timed(() =>
      storage.mail.expunge(
        id,
        messages.map(({ uid }) => uid),
      ),
    )
  },
}

/** A thousand UIDs in the oldest half of what is there. */
async function somewhere(storage: Storage, account: string): Promise<{ id: string; from: number }> {
  const mailbox = await storage.mail.mailbox(account, 'INBOX')
  if (!mailbox) throw new Error('no INBOX')
  const spare = Math.max(0, mailbox.messages - 1_000)
  return { id: mailbox.id, from: mailbox.uidNext - 1_000 - Math.floor((Math.random() * spare) / 2) }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

async function drain(source: MessageSource | undefined): Promise<number> {
  let size = 0
  if (source) for await (const chunk of source.open()) size += chunk.length
  return size
}

async function bigMessages(storage: Storage): Promise<void> {
  const size = 25 * 1024 * 1024
  const chunk = Buffer.alloc(65_536, 'posthorn')
  const big: MessageSource = {
    size,
    async *open() {
      for (let left = size; left > 0; left -= chunk.length) yield chunk.subarray(0, left)
    },
  }
  await append(storage, 'big')
  globalThis.gc?.()
  const before = process.memoryUsage.rss()
  let peak = before
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 10)
  const start = performance.now()
  const kept = await Promise.all(Array.from({ length: 10 }, () => append(storage, 'big', big)))
  const wrote = performance.now()
  const sizes = await Promise.all(kept.map(async ({ blob }) => drain(await storage.blobs.open(blob))))
  const read = performance.now()
  clearInterval(watch)
  if (sizes.some(each => each !== size)) throw new Error('a message came back with another size')
  const grown = (peak - before) / 1024 / 1024
  const times = `in ${(wrote - start).toFixed(0)} ms, out ${(read - wrote).toFixed(0)} ms`
  console.log(
    `ten of 25 MB at once: RSS grows by ${grown.toFixed(0)} MB (target ${mostGrowth} ${mark(grown > mostGrowth)}) ${times}`,
  )
}

try {
  for (const [name, storage] of [
    ['memory', memoryStorage()],
    ['sqlite', sqliteStorage({ path: join(folder, 'large.db') })],
  ] as const) {
    await growth(name, storage)
    await storage.close()
  }
  const storage = sqliteStorage({ path: join(folder, 'big-messages.db') })
  await bigMessages(storage)
  await storage.close()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
if (missed > 0) console.log(`${missed} missed their targets`)
