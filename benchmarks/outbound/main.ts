/**
 * How fast a queue is delivered to a sink, beside others in the same run, as ratios:
 * `npx tsx benchmarks/outbound/main.ts [--quick] [--long] [--only=<word>]`. Messages of 4 KB to 10 destinations, posthorn
 * with SQLite and Haraka and Postfix (as it is shipped, and tuned) with their files; all give them to the same sink, in a
 * process of its own; posthorn with the defaults of its options. First so many wait and are let go at once, then as many
 * flow in and out at once. Each run is made by fresh processes, and senders take turns; those in JavaScript, posthorn and
 * Haraka, have delivered 2,000 before those that wait. At last 200,000 wait, of which posthorn alone delivers some (with
 * `--long` all): its memory must not grow with the queue.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { buildPackage } from '../shared/built-package.js'
import { forkCompiled } from '../shared/fork-compiled.js'
import { quantile } from '../shared/statistics.js'
import type { Usage } from './deliver.js'
import { handIn } from './hand-in.js'
import {
  fillPosthorn,
  preparedHaraka,
  preparedPostfix,
  type Sender,
  type StartSender,
  startPosthorn,
  told,
} from './senders.js'

const quick = process.argv.includes('--quick')
const long = process.argv.includes('--long')
const only = process.argv.find(argument => argument.startsWith('--only='))?.slice('--only='.length) ?? ''

/** Of the better of the others. */
const fasterBy = 1.5
/** Of memory, from the fewest waiting to the most. */
const mostGrowth = 1.5
/** A run that hangs ends after so many milliseconds, and as many more as it takes at the least rate, a second. */
const patience = 20_000
const leastRate = 200

/** Messages that a server has delivered before it is measured. */
const warmedBy = 2_000

interface Run {
  readonly rate: number
  readonly usage: Usage | undefined
}

buildPackage()
const folder = await mkdtemp(join(tmpdir(), 'posthorn-outbound-'))
// Postfix works as users of its own.
chmodSync(folder, 0o755)
const sink = forkCompiled(new URL('./sink.ts', import.meta.url), [])
const { port } = await told<{ port: number }>(sink)
const senders = new Map<string, StartSender>([['posthorn', startPosthorn]])
let runs = 0
let missed = 0
try {
  await offer('haraka', () => preparedHaraka(join(folder, 'haraka')))
  await offer('postfix', () => preparedPostfix('default'))
  await offer('postfix-tuned', () => preparedPostfix('tuned'))
  await compare('2,000 waiting', { waiting: 2_000, flowing: 0 }, quick ? 1 : 3)
  if (!quick) await compare('20,000 waiting', { waiting: 20_000, flowing: 0 }, 1)
  await compare('flowing in and out', { waiting: 0, flowing: quick ? 2_000 : 5_000 }, quick ? 1 : 3)
  if ('memory'.includes(only)) await measureMemory()
} finally {
  sink.kill()
  rmSync(folder, { recursive: true, force: true })
}
if (missed > 0) console.log(`${missed} missed their targets`)

async function offer(name: string, prepare: () => StartSender): Promise<void> {
  try {
    senders.set(name, prepare())
  } catch (thrown) {
    skip(name, thrown)
  }
}

function skip(name: string, thrown: unknown): void {
  senders.delete(name)
  console.log(`SKIPPED ${name}: ${describe(thrown)}`)
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown)
}

interface Shape {
  /** Messages that wait when the sender is let go. */
  readonly waiting: number
  /** Messages handed in from then on. */
  readonly flowing: number
}

/** Tells the ratios. */
async function compare(name: string, shape: Shape, rounds: number): Promise<void> {
  if (!name.includes(only)) return
  const made = new Map<string, Run[]>()
  const hung = new Set<string>()
  for (let round = 0; round < rounds; round++) {
    for (const [sender, start] of senders) {
      if (hung.has(sender)) continue
      try {
        made.set(sender, [...(made.get(sender) ?? []), await deliver(sender, start, shape)])
      } catch (thrown) {
        if (sender === 'posthorn') throw thrown
        hung.add(sender)
        made.delete(sender)
        console.log(`${name}: LEFT OUT ${sender}: ${describe(thrown)}`)
      }
    }
  }
  tell(name, made, shape)
}

function tell(name: string, made: ReadonlyMap<string, readonly Run[]>, { waiting, flowing }: Shape): void {
  const rates = (sender: string) => made.get(sender)?.map(({ rate }) => rate) ?? []
  const own = rates('posthorn')
  const cpu = quantile(
    made.get('posthorn')?.map(({ usage }) => (usage?.cpuMs ?? 0) / (waiting + flowing)) ?? [],
    0.5,
  )
  console.log(`${name}: posthorn ${quantile(own, 0.5).toFixed(0)}/s, ${cpu.toFixed(2)} ms of CPU a message`)
  let least = Number.POSITIVE_INFINITY
  for (const sender of made.keys()) {
    if (sender === 'posthorn') continue
    const theirs = rates(sender)
    const ratio = quantile(
      theirs.map((rate, index) => (own[index] ?? Number.NaN) / rate),
      0.5,
    )
    least = Math.min(least, ratio)
    console.log(`  ${ratio.toFixed(2)} of ${sender} (${quantile(theirs, 0.5).toFixed(0)}/s)`)
  }
  if (made.size < 2) return
  const isMet = least >= fasterBy
  if (!isMet) missed++
  console.log(`  ${least.toFixed(2)} of the best of them, target ${fasterBy} ${isMet ? 'met' : 'BELOW'}`)
}

/** One run of a fresh sender: how fast the sink has it all. */
function deliver(name: string, start: StartSender, shape: Shape): Promise<Run> {
  const { waiting, flowing } = shape
  return inPlace(name, async place => {
    const sender = await start(place, port)
    return ending(sender, async () => {
      if (flowing > 0) {
        sender.letGo()
        // Those whose services start when they are let go do so unobserved.
        await setTimeout(500)
      } else await fill(sender, waiting)
      return measure(sender, shape, waiting + flowing)
    })
  })
}

/** Gives `work` a folder of its own. */
async function inPlace<T>(name: string, work: (place: string) => Promise<T>): Promise<T> {
  const place = join(folder, `${name}-${++runs}`)
  try {
    return await work(place)
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** Does `work` with a sender, and ends it. */
async function ending(sender: Sender, work: () => Promise<number>): Promise<Run> {
  let usage: Usage | undefined
  let rate: number
  try {
    rate = await work()
  } finally {
    usage = await sender.end()
  }
  return { rate, usage }
}

/**
 * Has so many messages wait. Before that, servers that compile what they do deliver some, as one that has run for a while
 * did.
 */
async function fill(sender: Sender, waiting: number): Promise<void> {
  if (sender.hold) {
    const { all } = await countTo(warmedBy)
    sender.letGo()
    await Promise.race([Promise.all([all, handIn(sender.port, warmedBy, 20)]), overdue(warmedBy)])
    sender.hold()
    await setTimeout(200)
  }
  await handIn(sender.port, waiting, 20)
  // What writing left to be done is none of the delivery's time.
  execFileSync('sync')
}

/** Lets go what waits, or hands in what flows; tells how fast the sink has `first` of it. */
async function measure(sender: Sender, { waiting, flowing }: Shape, first: number): Promise<number> {
  const { all } = await countTo(first)
  const before = performance.now()
  if (waiting > 0) sender.letGo()
  await Promise.race([Promise.all([all, handIn(sender.port, flowing, 20)]), overdue(first)])
  return (first * 1_000) / (performance.now() - before)
}

async function overdue(count: number): Promise<never> {
  await setTimeout(patience + (count / leastRate) * 1_000, undefined, { ref: false })
  throw new Error('it did not deliver all in time')
}

/** Has the sink count from zero; `all` resolves when it has taken so many. */
async function countTo(count: number): Promise<{ all: Promise<unknown> }> {
  sink.send({ count })
  await told(sink)
  return { all: told(sink) }
}

/** How much more memory the most messages take than the fewest. */
async function measureMemory(): Promise<void> {
  const fewest = await memoryOf(2_000, 2_000)
  const most = quick ? 20_000 : 200_000
  const delivered = long ? most : 10_000
  const growth = (await memoryOf(most, Math.min(delivered, most))) / fewest
  const isMet = growth < mostGrowth
  if (!isMet) missed++
  const compared = `${most} waiting, ${delivered} delivered of them`
  console.log(
    `memory: ${compared}: ${growth.toFixed(2)} of that with 2,000, target below ${mostGrowth} ${isMet ? 'met' : 'ABOVE'}`,
  )
}

/** Of a process that has a queue to go on with, which another one took, when it has delivered the `first` of it. */
async function memoryOf(waiting: number, first: number): Promise<number> {
  const { rate, usage } = await inPlace('posthorn', async place => {
    await fillPosthorn(place, waiting)
    const sender = await startPosthorn(place, port)
    return ending(sender, () => measure(sender, { waiting, flowing: 0 }, first))
  })
  console.log(`${waiting} waiting: posthorn ${rate.toFixed(0)}/s, ${usage?.rssMb.toFixed(0)} MB at most`)
  return usage?.rssMb ?? Number.NaN
}
