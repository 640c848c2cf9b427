import { describe, expect, it } from 'vitest'
import { promised, runSimulation } from './run-simulation.js'

/*
 * Five days of an internet of 1,000 domains on 100 sites. For more of it:
 *   POSTHORN_SIMULATION_MESSAGES=100000 POSTHORN_SIMULATION_SEED=7 npx vitest run test/flow/simulation
 */
const messages = Number(process.env['POSTHORN_SIMULATION_MESSAGES'] ?? 2_000)
const seed = Number(process.env['POSTHORN_SIMULATION_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** The most of `times`, ascending, in any span of `per` milliseconds. */
function busiest(times: readonly number[], per: number): number {
  let most = 0
  for (let from = 0, to = 0; to < times.length; to++) {
    while ((times[from] ?? 0) + per <= (times[to] ?? 0)) from++
    most = Math.max(most, to - from + 1)
  }
  return most
}

describe(`five days of mail, seed ${seed}`, () => {
  it('ends every message once, and keeps every site within its limits', { timeout: 3_600_000 }, async () => {
    const { expected, told, remote, dsns, home, counts } = await runSimulation(seed, messages)
    const received = new Map(remote.flatMap(site => [...site.received]))
    expect(counts).toEqual({ waiting: 0, leased: 0, held: 0, dead: 0 })
    expect([...told.keys()].sort()).toEqual([...expected].sort())
    const wrong = expected.filter(key => {
      const { delivered, failed, returned } = told.get(key) ?? { delivered: 0, failed: 0, returned: 0 }
      const { taken, unsure } = received.get(key) ?? { taken: 0, unsure: false }
      const right = delivered === 1 ? taken >= 1 : taken === 0 || unsure
      return delivered + failed !== 1 || returned !== failed || !right || (taken > 1 && !unsure)
    })
    expect(wrong).toEqual([])
    expect(home.sort()).toEqual(dsns.sort())
    expect(new Set(home).size).toBe(home.length)
    expect([...told.values()].some(({ returned }) => returned === 1)).toBe(true)
    // The limits hold, and were reached.
    expect(Math.max(...remote.map(site => site.mostAtOnce))).toBe(promised.atOnce)
    expect(Math.max(...remote.map(site => busiest(site.times, promised.per)))).toBe(promised.messages)
  })

  it('goes the same way with the same seed', async () => {
    const [once, again] = [await runSimulation(seed, 200), await runSimulation(seed, 200)]
    expect(again.digest).toBe(once.digest)
  })
})
