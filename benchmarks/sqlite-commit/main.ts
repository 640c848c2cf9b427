/**
 * Where SQLite should wait for the disk: in the calling thread, or in one of its own. Both accept messages of 4 KB
 * from a number of callers, each sending its next when the last is durable; meanwhile a timer of the calling thread
 * tells for how long nothing else could run. Run: npx tsx benchmarks/sqlite-commit/main.ts [folder]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { newTraceId } from '../../src/core/trace.js'
import { bytesSource } from '../../src/message/sources.js'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js'

const seconds = 4
const receivedAt = Date.UTC(2026, 0, 1)
const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'posthorn-benchmark-'))

function percentile(sorted: readonly number[], share: number): string {
  return (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2)
}

async function measure(thread: boolean, callers: number): Promise<void> {
  const storage = sqliteStorage({ path: join(folder, `${thread}-${callers}.db`), thread })
  await storage.open()
  const message = bytesSource(new Uint8Array(4_096).fill(97))
  const waits: number[] = []
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const begin = performance.now()
  const call = async (caller: number) => {
    const copies = [{ account: `user${caller % 10}`, mailbox: 'INBOX', internalDate: receivedAt }]
    while (performance.now() - begin < seconds * 1_000) {
      const before = performance.now()
      await storage.accept({ id: newTraceId(), message, receivedAt, copies })
      waits.push(performance.now() - before)
    }
  }
  await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)))
  delay.disable()
  const elapsed = performance.now() - begin
  const { commits, committedCalls } = await storage.stats()
  await storage.close()
  waits.sort((a, b) => a - b)
  console.log(
    `${thread ? 'own thread    ' : 'calling thread'} ${String(callers).padStart(3)} callers:`,
    `${Math.round((waits.length / elapsed) * 1_000)} messages/s, ${(committedCalls / commits).toFixed(1)} a commit,`,
    `accept p50 ${percentile(waits, 0.5)} p99 ${percentile(waits, 0.99)} ms,`,
    `loop held up p50 ${(delay.percentile(50) / 1e6).toFixed(1)} p99 ${(delay.percentile(99) / 1e6).toFixed(1)} max ${(delay.max / 1e6).toFixed(1)} ms`,
  )
}

for (const callers of [1, 10, 100]) for (const thread of [false, true]) await measure(thread, callers)
rmSync(folder, { recursive: true })
