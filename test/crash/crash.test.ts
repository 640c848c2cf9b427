import { randomInt } from 'node:crypto'
import { expect, it } from 'vitest'
import { describeSqlite } from '../storage/sqlite/describe-sqlite.js'
import { Crashes } from './crashes.js'
import { seededRandom } from './random.js'

const rounds = Number(process.env['POSTHORN_CRASH_ROUNDS'] ?? 16)
const seed = Number(process.env['POSTHORN_CRASH_SEED'] ?? randomInt(2 ** 31))
/** Crashes that one database goes through. */
const roundsPerLife = 12
/** From so many on, they go on until a process died at each point, but not for ever. */
const roundsForAllPoints = 200

describeSqlite('a mail host that is killed', {}, () => {
  it(
    `keeps what it acknowledged through ${rounds} crashes (POSTHORN_CRASH_SEED=${seed})`,
    async () => {
      const crashes = await Crashes.begin(seededRandom(seed))
      const { totals, points } = crashes
      const atAllPoints = rounds >= roundsForAllPoints
      try {
        while (totals.crashes < rounds) await crashes.live(Math.min(roundsPerLife, rounds - totals.crashes))
        while (atAllPoints && points.missing().length > 0 && totals.crashes < 2 * rounds)
          await crashes.live(roundsPerLife)
        report(crashes)
        expect(totals.kept).toBeGreaterThan(rounds)
        expect(totals.returned).toBeGreaterThan(0)
        expect(totals.doubled).toBeLessThanOrEqual(totals.interrupted)
        if (atAllPoints) expect(points.missing()).toEqual([])
      } finally {
        await crashes.end()
      }
    },
    60_000 + rounds * 10_000,
  )
})

/** What by-hand runs are made for. */
function report({ totals, points }: Crashes): void {
  const counts = { known: points.count, missing: points.missing().length }
  process.stdout.write(`crashes ${JSON.stringify({ seed, ...totals, points: counts })}\n`)
}
