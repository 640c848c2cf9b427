/**
 * How fast messages are accepted into memory storage, against bare smtp-server in the same run, as ratios:
 * `npx tsx benchmarks/accept/main.ts [--quick] [--only=<word>]`. Every server and the client are processes of their
 * own, and posthorn is built before: what is measured is what is published. Servers take turns, round by round, and the median of the rounds' ratios is told: noise of the machine falls
 * on all of them. Bare smtp-server is given twice: keeping each message in memory, as is done here, and, to show what
 * that costs, throwing it away.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { buildPackage } from '../shared/built-package.js'
import { forkCompiled } from '../shared/fork-compiled.js'
import { type Load, run } from './load-client.js'
import type { Peer } from './serve.js'

interface Scenario {
  readonly name: string
  readonly load: Omit<Load, 'port'>
  readonly against: 'bare' | 'bare-without-delay'
  /** The ratio to reach. */
  readonly target: number
}

const quick = process.argv.includes('--quick')
const only = process.argv.find(argument => argument.startsWith('--only='))?.slice('--only='.length) ?? ''
const rounds = quick ? 3 : 9
const roundMs = quick ? 500 : 1_000

const header = 'From: a@other.test\r\nTo: alice@example.test\r\nSubject: benchmark\r\n\r\n'
const text = messageOf('Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod.')
const dots = messageOf('..orem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod')

function messageOf(line: string): (size: number) => Buffer {
  return size => Buffer.from(`${header}${`${line}\r\n`.repeat(Math.round(size / (line.length + 2)))}.\r\n`)
}

const kept = { kept: true, pipelined: false, message: text(4_096) }
const single = { ...kept, kept: false }
const pipelined = { ...kept, pipelined: true }

const scenarios: readonly Scenario[] = [
  ...[1, 10, 100].map(connections => ({
    name: `4 KB, ${connections} kept open`,
    load: { ...kept, connections },
    against: 'bare' as const,
    target: 0.8,
  })),
  ...[1, 10, 100].map(connections => ({
    name: `4 KB, one a connection, ${connections} at a time`,
    load: { ...single, connections },
    against: 'bare-without-delay' as const,
    target: 0.8,
  })),
  ...[1, 10].map(connections => ({
    name: `4 KB, one a connection, ${connections} at a time, with its delay`,
    load: { ...single, connections },
    against: 'bare' as const,
    target: 10,
  })),
  ...[1, 10, 100].map(connections => ({
    name: `4 KB, pipelined, ${connections} kept open`,
    load: { ...pipelined, connections },
    against: 'bare' as const,
    target: 1,
  })),
  {
    name: '1 MB, 4 kept open',
    load: { ...kept, connections: 4, message: text(1_048_576) },
    against: 'bare' as const,
    target: 1.5,
  },
  {
    name: '100 KB of lines with a dot, 4 kept open',
    load: { ...kept, connections: 4, message: dots(102_400) },
    against: 'bare' as const,
    target: 5,
  },
]

buildPackage()

const servers = new Map<Peer, { process: ChildProcess; port: number }>()
const peers = [
  'posthorn',
  'bare',
  'bare-without-delay',
  'bare-discarding',
  'bare-without-delay-discarding',
] as const
for (const peer of peers) servers.set(peer, await start(peer))

let missed = 0
for (const scenario of scenarios.filter(each => each.name.includes(only))) await compare(scenario)
for (const server of servers.values()) server.process.kill()
if (missed > 0) console.log(`${missed} below their targets`)

async function compare({ name, load, against, target }: Scenario): Promise<void> {
  const rates = new Map<Peer, number[]>()
  const measured = ['posthorn', against, `${against}-discarding`] as const
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const peer of measured) {
      const rate = await measure(peer, load)
      if (round > 0) rates.set(peer, [...(rates.get(peer) ?? []), rate])
    }
  }
  const of = (peer: Peer) => rates.get(peer) ?? []
  const ratioTo = (peer: Peer) => median(of('posthorn').map((own, index) => own / (of(peer)[index] ?? 1)))
  const ratio = ratioTo(against)
  if (ratio < target) missed++
  const discarding = ratioTo(`${against}-discarding`).toFixed(2)
  const absolute = measured.map(peer => `${peer} ${median(of(peer)).toFixed(0)}/s`).join(', ')
  const mark = ratio < target ? 'BELOW' : 'met'
  console.log(
    `${name}: ${ratio.toFixed(2)} (target ${target} ${mark}; ${discarding} of one that keeps nothing) ${absolute}`,
  )
}

async function measure(peer: Peer, load: Omit<Load, 'port'>): Promise<number> {
  const server = servers.get(peer)
  if (!server) throw new Error(`no server ${peer}`)
  const rate = await run({ ...load, port: server.port }, roundMs)
  server.process.send('empty')
  await once(server.process, 'message')
  return rate
}

async function start(peer: Peer): Promise<{ process: ChildProcess; port: number }> {
  const child = forkCompiled(new URL('./serve.ts', import.meta.url), [peer])
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { process: child, port }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
