import { describe, expect, it } from 'vitest'
import { longestPassedOver, promised, runSimulation, type Told, workers } from './run-simulation.js'
import type { Received } from './simulated-site.js'

/*
 * Five days of an internet of 1,000 domains on 100 sites. For more of it:
 *   POSTHORN_SIMULATION_MESSAGES=100000 POSTHORN_SIMULATION_SEED=7 npx vitest run test/flow/simulation
 */
const messages = Number(process.env['POSTHORN_SIMULATION_MESSAGES'] ?? 2_000)
const seed = Number(process.env['POSTHORN_SIMULATION_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const hour = 3_600_000

/** The most of `times`, ascending, in any span of `per` milliseconds, for each number of `restarts` in it. */
function busiest(times: readonly number[], per: number, restarts: readonly number[]): number[] {
  const most: number[] = []
  for (let from = 0, to = 0; to < times.length; to++) {
    const end = times[to] ?? 0
    while ((times[from] ?? 0) + per <= end) from++
    const within = restarts.filter(restart => restart >= (times[from] ?? 0) && restart <= end).length
    most[within] = Math.max(most[within] ?? 0, to - from + 1)
  }
  return most
}

/** Whether what the queue told of a recipient is what it should, and agrees with what its site saw. */
function isRight(told: Told, received: Received | undefined, nobody: boolean): boolean {
  const { delivered, failed, returned, warned, expiredAfter, downFor = 0, waited } = told
  const { taken, unsure } = received ?? { taken: 0, unsure: false }
  if (delivered + failed !== 1 || returned !== failed || warned > 1) return false
  if (taken > 1 && !unsure) return false
  if (delivered === 1) return taken >= 1
  if (taken > 0 && !unsure) return false
  if (expiredAfter === undefined) return nobody
  // The last attempt is five minutes before the end. A message is returned for want of time where its site was down for long,
  // or had no time for it, and not one that had its chances.
  const inTime = expiredAfter >= 29.9 * hour && expiredAfter < 36 * hour
  return inTime && warned === 1 && downFor + waited >= 12 * hour
}

describe(`five days of mail, seed ${seed}`, () => {
  it('ends every message once, and keeps every site within its limits', { timeout: 3_600_000 }, async () => {
    const { expected, told, remote, dsns, home, counts, restarts, cut } = await runSimulation(seed, messages)
    const received = new Map(remote.flatMap(site => [...site.received]))
    expect(counts).toEqual({ waiting: 0, leased: 0, held: 0, dead: 0 })
    expect([...told.keys()].sort()).toEqual([...expected].sort())
    const wrong = expected.filter(key => {
      const record = told.get(key)
      return !record || !isRight(record, received.get(key), key.includes('nobody'))
    })
    expect(wrong.map(key => ({ key, ...told.get(key), ...received.get(key) }))).toEqual([])
    expect(Math.max(...remote.map(site => site.longestPassedOver))).toBeLessThanOrEqual(longestPassedOver)
    expect(remote.flatMap(site => site.hasty)).toEqual([])
    expect(home.sort()).toEqual(dsns.sort())
    expect(new Set(home).size).toBe(home.length)
    expect([...told.values()].some(({ returned }) => returned === 1)).toBe(true)
    expect(cut).toBeGreaterThan(0)
    // The limits hold, and were reached.
    expect(Math.max(...remote.map(site => site.mostAtOnce))).toBe(promised.atOnce)
    const rated = remote.filter((_, number) => number % 2 === 0)
    const rates = rated.map(site => busiest(site.times, promised.per, restarts))
    expect(Math.max(...rates.map(([calm = 0]) => calm))).toBe(promised.messages)
    // A process counts from nothing when it starts: its share of a span is then used twice.
    for (const most of rates) {
      most.forEach((count, started) => {
        expect(count).toBeLessThanOrEqual(promised.messages * (1 + started / workers))
      })
    }
  })

  it('goes the same way with the same seed', async () => {
    const [once, again] = [await runSimulation(seed, 200), await runSimulation(seed, 200)]
    expect(again.digest).toBe(once.digest)
  })
})
