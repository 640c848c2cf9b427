/**
 * How soon a test has its mail server, beside MailDev, smtp-tester and bare smtp-server in the same run, as ratios:
 * `npx tsx benchmarks/startup/main.ts [--quick]`. Each start is a process of its own; they take turns, and medians are
 * told. The others are installed from npm into a temporary folder; posthorn is built before. What measures is built, too,
 * as a loader of TypeScript in its process would have a part in every module that is loaded.
 */
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { buildPackage } from '../shared/built-package.js'
import { quantile } from '../shared/statistics.js'
import type { Measured } from './measure.js'
import { type PeerName, peers } from './peers.js'

const quick = process.argv.includes('--quick')
const rounds = quick ? 3 : 11
const messages = quick ? 200 : 1_000

buildPackage()
const program = 'node_modules/.cache/posthorn-startup/measure.mjs'
const entryPoints = ['benchmarks/startup/measure.ts']
buildSync({
  entryPoints,
  outfile: program,
  bundle: true,
  format: 'esm',
  platform: 'node',
  packages: 'external',
})
const folder = mkdtempSync(join(tmpdir(), 'posthorn-startup-'))
try {
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const packages = ['maildev@3', 'smtp-tester@2']
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages]
  execFileSync('npm', install, { cwd: folder, stdio: 'ignore', timeout: 180_000 })
  await compare()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function compare(): Promise<void> {
  const all = new Map<PeerName, Measured[]>(peers.map(peer => [peer, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const peer of peers) {
      // The first round warms the caches of the disk; the last three count messages, too.
      const measured = await measure(peer, round > rounds - 3 ? messages : 0)
      if (round > 0) all.get(peer)?.push(measured)
    }
  }
  for (const peer of peers) console.log(describe(peer, all))
}

async function measure(peer: PeerName, count: number): Promise<Measured> {
  const child = fork(program, [peer, folder, String(count)], {
    execArgv: [],
    // JSON would make null of NaN.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  child.on('exit', code => {
    if (code !== 0) throw new Error(`${peer} ended with ${code}`)
  })
  const [measured] = (await once(child, 'message')) as [Measured]
  if (child.exitCode === null) await once(child, 'exit')
  return measured
}

function describe(peer: PeerName, all: ReadonlyMap<PeerName, readonly Measured[]>): string {
  const of = (name: PeerName, what: keyof Measured) =>
    quantile(
      (all.get(name) ?? []).map(each => each[what]).filter(value => !Number.isNaN(value)),
      0.5,
    )
  const times = (['loaded', 'ready', 'first'] as const).map(what => `${what} ${of(peer, what).toFixed(0)} ms`)
  const cpu = `${of(peer, 'cpu').toFixed(0)} ms of processor time`
  const share = (what: 'perSecond' | 'perSecondAlone') =>
    `${(of(peer, what) / of('bare smtp-server', what)).toFixed(1)} of its rate (${of(peer, what).toFixed(0)}/s)`
  return [
    `${peer}: ${(of(peer, 'first') / of('posthorn', 'first')).toFixed(2)} of posthorn's time to a first message waited for`,
    `(${times.join(', ')}, ${cpu});`,
    `beside bare smtp-server, a connection a message, ten at a time ${share('perSecond')},`,
    `one after another ${share('perSecondAlone')}`,
  ].join(' ')
}
