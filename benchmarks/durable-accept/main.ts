/**
 * How fast messages are accepted and made durable in SQLite, beside others in the same run, as ratios:
 * `npx tsx benchmarks/durable-accept/main.ts [--quick] [--only=<word>]`. Peers: smtp-server with its delay taken away,
 * throwing messages away and writing and syncing a file for each; Haraka doing the same as the latter; Postfix with a
 * Maildir. Servers take turns, round by round, and the medians of the rounds' ratios are told.
 */
import { chmodSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../accept/load-client.js'
import { buildPackage } from '../shared/built-package.js'
import { quantile } from '../shared/statistics.js'
import { type Peer, startHaraka, startOwn, startPostfix } from './peers.js'

const quick = process.argv.includes('--quick')
const only = process.argv.find(argument => argument.startsWith('--only='))?.slice('--only='.length) ?? ''
const rounds = quick ? 2 : 5
const roundMs = quick ? 400 : 1_000

/** Ratios to reach at 10 and 100 connections; p99 is that of the worst round over the p50. */
const targets = new Map([
  ['bare-discarding', 0.6],
  ['bare-fsync', 1.5],
  ['haraka', 2.5],
  ['postfix', 8],
])
const mostSpread = 5

buildPackage()
const folder = await mkdtemp(join(tmpdir(), 'posthorn-durable-'))
// Postfix works as users of its own.
chmodSync(folder, 0o755)
const peers: Peer[] = []
let missed = 0
try {
  for (const name of ['posthorn', 'bare-discarding', 'bare-fsync'])
    peers.push(await startOwn(name, join(folder, name)))
  await startForeign('haraka', startHaraka)
  await startForeign('postfix', startPostfix)
  for (const [size, text] of [
    [4_096, '4 KB'],
    [102_400, '100 KB'],
  ] as const) {
    for (const kept of [true, false]) {
      for (const connections of [1, 10, 100]) {
        const name = `${text}, ${kept ? `${connections} kept open` : `one a connection, ${connections} at a time`}`
        if (name.includes(only)) await compare(name, { message: letter(size), kept, connections })
      }
    }
  }
} finally {
  for (const peer of peers) await peer.end()
  rmSync(folder, { recursive: true, force: true })
}
if (missed > 0) console.log(`${missed} below their targets`)

async function startForeign(name: string, start: (folder: string) => Promise<Peer>): Promise<void> {
  try {
    peers.push(await start(join(folder, name)))
  } catch (thrown) {
    console.log(`SKIPPED ${name}: ${thrown instanceof Error ? thrown.message.split('\n')[0] : thrown}`)
  }
}

function letter(size: number): Buffer {
  const line = 'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod.\r\n'
  const header = 'From: a@other.test\r\nTo: alice@example.test\r\nSubject: benchmark\r\n\r\n'
  return Buffer.from(`${header}${line.repeat(Math.round(size / line.length))}.\r\n`)
}

interface Shape {
  readonly message: Buffer
  readonly kept: boolean
  readonly connections: number
}

async function compare(name: string, shape: Shape): Promise<void> {
  const rates = new Map<string, number[]>(peers.map(peer => [peer.name, []]))
  const latencies = new Map<string, number[]>(peers.map(peer => [peer.name, []]))
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const { name, port, rest } of peers) {
      const measured: number[] = []
      const rate = await run({ ...shape, port, pipelined: false, latencies: measured }, roundMs)
      await rest?.()
      if (round === 0) continue
      rates.get(name)?.push(rate)
      latencies.get(name)?.push(...measured)
    }
  }
  const own = rates.get('posthorn') ?? []
  const judged = shape.connections > 1
  console.log(name)
  for (const peer of peers) {
    const theirs = rates.get(peer.name) ?? []
    const ratio = quantile(
      own.map((rate, index) => rate / (theirs[index] ?? Number.NaN)),
      0.5,
    )
    const [p50, p99] = [0.5, 0.99].map(share => quantile(latencies.get(peer.name) ?? [], share)) as [
      number,
      number,
    ]
    const figures = `${quantile(theirs, 0.5).toFixed(0)}/s, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`
    if (peer.name === 'posthorn') console.log(`  posthorn ${figures}${judged ? spread(p99 / p50) : ''}`)
    else
      console.log(`  ${ratio.toFixed(2)} of ${peer.name} (${figures})${judged ? mark(peer.name, ratio) : ''}`)
  }
}

function mark(peer: string, ratio: number): string {
  const target = targets.get(peer) ?? 0
  if (ratio < target) missed++
  return `, target ${target} ${ratio < target ? 'BELOW' : 'met'}`
}

function spread(ratio: number): string {
  if (ratio > mostSpread) missed++
  return `, p99 is ${ratio.toFixed(1)} p50, target ${mostSpread} ${ratio > mostSpread ? 'ABOVE' : 'met'}`
}
