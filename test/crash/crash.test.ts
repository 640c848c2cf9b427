import { randomInt } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js'
import { describeSqlite } from '../storage/sqlite/describe-sqlite.js'
import { sendLetters } from './clients.js'
import type { WritePoint } from './dying-database.js'
import { localUsers, remoteDomains } from './host.js'
import { inspectDatabase } from './inspect-database.js'
import { Ledger } from './ledger.js'
import type { Letter } from './letter.js'
import { MailChild } from './mail-child.js'
import { seededRandom } from './random.js'
import { createSink, type Sink } from './sink.js'
import { WritePoints } from './write-points.js'

const rounds = Number(process.env['POSTHORN_CRASH_ROUNDS'] ?? 16)
const seed = Number(process.env['POSTHORN_CRASH_SEED'] ?? randomInt(2 ** 31))
/** Crashes that one database goes through. */
const roundsPerLife = 8
const connections = 8

/** Rounds after which each point must have been died at: about half of the rounds have one. */
const roundsForAllPoints = 300

describeSqlite('a mail host that is killed', {}, () => {
  it(
    `keeps what it acknowledged through ${rounds} crashes (POSTHORN_CRASH_SEED=${seed})`,
    async () => {
      const crashes = await createCrashes()
      try {
        for (let round = 0; round < rounds; ) {
          const life = Math.min(roundsPerLife, rounds - round)
          await crashes.live(life)
          round += life
        }
        report(crashes)
        expect(crashes.totals.kept).toBeGreaterThan(rounds)
        expect(crashes.totals.doubled).toBeLessThanOrEqual(crashes.totals.interrupted)
        if (rounds >= roundsForAllPoints) expect(crashes.points.missing).toEqual([])
      } finally {
        await crashes.end()
      }
    },
    60_000 + rounds * 10_000,
  )
})

/** Databases that live through crashes, one after another. */
async function createCrashes() {
  const random = seededRandom(seed)
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-crash-'))
  const sink = await createSink(random)
  const points = new WritePoints(random)
  const totals = { rounds: 0, atPoints: 0, kept: 0, absent: 0, interrupted: 0, doubled: 0 }
  let lives = 0
  // Loaded while the one before works.
  let next = new MailChild()
  const nextChild = () => {
    const child = next
    next = new MailChild()
    return child
  }

  return {
    totals,
    points,
    async live(crashes: number) {
      const ledger = new Ledger(sink.received)
      const path = join(folder, `${++lives}.db`)
      for (let crash = 0; crash < crashes; crash++) {
        const opening = crash === 0
        const atPoint = opening ? lives > 1 : crash % 2 === 1
        const point = atPoint ? points.choose(opening) : undefined
        const thread = !opening && !point
        const child = nextChild()
        let opened = false
        child.onReport(report => {
          if ('opened' in report) opened = true
          if ('statement' in report && !thread) points.discover(report.statement, opening && !opened)
        })
        const life = { ledger, path, sink, random, prefix: `${lives}-${crash}` }
        if ((await crashOnce(child, life, thread, point)) && point) {
          totals.atPoints++
          points.died(point)
        }
        totals.rounds++
        await examine(path, ledger, `life ${lives}, crash ${crash}, ${JSON.stringify({ point, thread })}`)
      }
      await drain(nextChild(), path, sink, ledger)
      for (const name of ['kept', 'absent', 'interrupted', 'doubled'] as const) {
        totals[name] += ledger.counts[name]
      }
    },
    async end() {
      await next.kill()
      await sink.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What by-hand runs are made for. */
function report({ totals, points }: { totals: object; points: WritePoints }): void {
  process.stdout.write(
    `crashes ${JSON.stringify({ seed, ...totals, points: { known: points.count, missing: points.missing.length } })}\n`,
  )
}

interface Life {
  readonly ledger: Ledger
  readonly path: string
  readonly sink: Sink
  readonly random: () => number
  readonly prefix: string
}

/** Lets a process take mail until it dies. Resolves to whether it died at the point. */
async function crashOnce(
  child: MailChild,
  life: Life,
  thread: boolean,
  point?: WritePoint,
): Promise<boolean> {
  const { ledger, path, sink, random, prefix } = life
  hearReaders(child, ledger)
  // Some die while they still open the database.
  const early = !point && random() < 0.1
  await child.ready
  const port = child.begin({ path, sinkPort: sink.port, thread, ...(point && { point }) })
  const patience = point ? 2_500 : 50 + random() * 600
  const dies = early ? child.diesWithin(patience) : port.then(() => child.diesWithin(patience))
  let sent = 0
  const letter = () => randomLetter(`${prefix}-${++sent}`, random)
  const clients = port.then(async found => {
    if (found === undefined) return
    await Promise.all(Array.from({ length: connections }, () => sendLetters(found, letter, ledger)))
  })
  const died = await dies
  await child.kill()
  await clients
  return died
}

function hearReaders(child: MailChild, ledger: Ledger): void {
  child.onReport(report => {
    if ('expunging' in report) ledger.expunging(report.expunging)
    if ('seen' in report) ledger.seen(report.seen.account, report.seen.uid, report.seen.id)
  })
}

function randomLetter(id: string, random: () => number): Letter {
  const choose = (addresses: readonly string[], chance: number) => addresses.filter(() => random() < chance)
  const recipients = [
    ...choose(
      localUsers.map(user => `${user}@example.test`),
      0.4,
    ),
    ...choose(
      remoteDomains.flatMap(domain => [`ann@${domain}`, `ben@${domain}`]),
      0.25,
    ),
  ]
  if (recipients.length === 0) recipients.push('alice@example.test')
  // The longest are stored piece by piece.
  const size = random() < 0.05 ? 300_000 + random() * 600_000 : random() * 10_000
  return { id, size: Math.floor(size), recipients }
}

async function examine(path: string, ledger: Ledger, where: string): Promise<void> {
  try {
    const storage = sqliteStorage({ path, thread: false })
    try {
      await ledger.verify(storage)
      expect(await storage.check()).toEqual([])
    } finally {
      await storage.close()
    }
    expect(await inspectDatabase(path)).toEqual([])
  } catch (thrown) {
    throw new Error(`seed ${seed}, ${where}: ${thrown instanceof Error ? thrown.message : thrown}`, {
      cause: thrown,
    })
  }
}

/** Whatever was queued arrives in the end. */
async function drain(child: MailChild, path: string, sink: Sink, ledger: Ledger): Promise<void> {
  hearReaders(child, ledger)
  await child.begin({ path, sinkPort: sink.port, thread: true })
  await child.drain()
  await child.kill()
  await examine(path, ledger, 'in the end')
  const storage = sqliteStorage({ path, thread: false })
  expect(await storage.queue.counts()).toEqual({ waiting: 0, leased: 0, held: 0, dead: 0 })
  await storage.close()
}
