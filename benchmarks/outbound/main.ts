/**
 * How fast a full queue in SQLite is delivered to a sink on this machine, and in how much memory:
 * `npx tsx benchmarks/outbound/main.ts [--long]`. 2,000 and 20,000 messages of 4 KB to 10 destinations, with `--long`
 * 200,000 too; each in a fresh process. Beside it Postfix with a full queue of the same messages, let go at once.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildPackage } from '../shared/built-package.js'
import { startPostfix } from './postfix.js'

const sizes = process.argv.includes('--long') ? [2_000, 20_000, 200_000] : [2_000, 20_000]
const mostGrowth = 1.5

buildPackage()
const folder = await mkdtemp(join(tmpdir(), 'posthorn-outbound-'))
// Postfix works as users of its own.
chmodSync(folder, 0o755)
const sink = start(new URL('./sink.ts', import.meta.url))
const { port } = await told<{ port: number }>(sink)
const memory: number[] = []
try {
  for (const count of sizes) {
    memory.push(await deliverOwn(count))
    if (count <= 20_000) await deliverPostfix(count)
  }
  const growth = Math.max(...memory) / (memory[0] ?? 1)
  console.log(
    `memory grows ${growth.toFixed(2)}-fold, target below ${mostGrowth}${growth < mostGrowth ? '' : ': MISSED'}`,
  )
} finally {
  sink.kill()
  rmSync(folder, { recursive: true, force: true })
}

async function deliverOwn(count: number): Promise<number> {
  const own = join(folder, `own-${count}`)
  mkdirSync(own)
  const queue = start(new URL('./deliver.ts', import.meta.url), own, String(port), String(count))
  await told(queue)
  const { all } = await countTo(count)
  const before = performance.now()
  const ended = told<{ cpuMs: number; rssMb: number }>(queue)
  queue.send('go')
  await all
  report('posthorn', count, performance.now() - before)
  const { cpuMs, rssMb } = await ended
  console.log(`  ${(cpuMs / count).toFixed(2)} ms of CPU a message, ${rssMb.toFixed(0)} MB at most`)
  return rssMb
}

async function deliverPostfix(count: number): Promise<void> {
  try {
    const postfix = await startPostfix(join(folder, `postfix-${count}`), port)
    try {
      await postfix.fill(count)
      const { all } = await countTo(count)
      const before = performance.now()
      postfix.letGo()
      await all
      report('postfix', count, performance.now() - before)
    } finally {
      await postfix.end()
    }
  } catch (thrown) {
    console.log(`SKIPPED postfix: ${thrown instanceof Error ? thrown.message.split('\n')[0] : thrown}`)
  }
}

function report(name: string, count: number, ms: number): void {
  console.log(`${name}: ${count} messages, ${Math.round((count / ms) * 1_000)}/s`)
}

function start(file: URL, ...args: string[]): ChildProcess {
  const execArgv = [...process.execArgv, '--expose-gc']
  return fork(fileURLToPath(file), args, { execArgv })
}

async function told<T>(child: ChildProcess): Promise<T> {
  const [message] = await once(child, 'message')
  return message as T
}

/** Has the sink count from zero; `all` resolves when it has taken so many. */
async function countTo(count: number): Promise<{ all: Promise<unknown> }> {
  sink.send({ count })
  await told(sink)
  return { all: told(sink) }
}
