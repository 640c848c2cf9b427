/**
 * How soon a test has its mail server, beside MailDev, smtp-tester and bare smtp-server in the same run, as ratios:
 * `npx tsx benchmarks/startup/main.ts [--quick]`. Each start is a process of its own; they take turns, and medians are
 * told. The others are installed from npm into a temporary folder; posthorn is built before.
 */
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildPackage } from '../shared/built-package.js'
import { quantile } from '../shared/statistics.js'
import type { Measured } from './measure.js'
import { type PeerName, peers } from './peers.js'

const quick = process.argv.includes('--quick')
const rounds = quick ? 3 : 11
const messages = quick ? 200 : 1_000

buildPackage()
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
      // The first round warms the caches of the disk; the last one counts messages, too.
      const measured = await measure(peer, round === rounds ? messages : 0)
      if (round > 0) all.get(peer)?.push(measured)
    }
  }
  for (const peer of peers) console.log(describe(peer, all))
}

async function measure(peer: PeerName, count: number): Promise<Measured> {
  const child = fork(fileURLToPath(new URL('./measure.ts', import.meta.url)), [peer, folder, String(count)], {
    execArgv: process.execArgv,
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
      (all.get(name) ?? []).map(each => each[what]),
      0.5,
    )
  const rate = (name: PeerName) => all.get(name)?.at(-1)?.perSecond ?? Number.NaN
  const ratio = of(peer, 'first') / of('posthorn', 'first')
  const times = `loaded ${of(peer, 'loaded').toFixed(0)} ms, ready ${of(peer, 'ready').toFixed(0)} ms, first message waited for ${of(peer, 'first').toFixed(0)} ms`
  const share = rate(peer) / rate('bare smtp-server')
  return `${peer}: ${ratio.toFixed(2)} of posthorn's time (${times}); ${share.toFixed(1)} of the rate of bare smtp-server (${rate(peer).toFixed(0)}/s)`
}
