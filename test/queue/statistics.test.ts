import { describe, expect, it } from 'vitest'
import { gatherStatistics } from '../../src/queue/operation/statistics.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import type { AttemptRecord, QueueEntry } from '../../src/storage/queue-storage.js'
import type { Storage } from '../../src/storage/storage.js'

type Given = Pick<QueueEntry, 'destination'> & Partial<QueueEntry>

/** Statistics of entries, those of `*.italy.test` at one site, at the instant 1,000. */
function statisticsOf(given: readonly Given[], mostDestinations = 100) {
  const entries = given.map((entry, index) => ({
    ...{ id: `q${String(index).padStart(9, '0')}`, traceId: 't', blob: 'b1', size: 10 },
    ...{ envelope: { sender: '' }, recipient: { address: 'bob@rome.test' } },
    ...{ state: 'waiting' as const, queuedAt: 0, dueAt: 5_000, attempts: 0, history: [], warned: false },
    ...entry,
  }))
  const storage: Storage = Object.assign(memoryStorage(), {
    queue: {
      list: async ({ after = '', limit = 1 }) => entries.filter(({ id }) => id > after).slice(0, limit),
    },
  } as never)
  const siteOf = async (destination: string) => destination.replace(/^.*\.italy/, 'mx.italy')
  return gatherStatistics(storage, 1_000, mostDestinations, siteOf)
}

const failedAt = (endedAt: number, reason: string): AttemptRecord => ({
  ...{ startedAt: endedAt, endedAt, reason, status: 'deferred', scope: 'host' },
})

describe('statistics of a queue', () => {
  it('go through all of its pages', async () => {
    const { waiting, size } = await statisticsOf(
      Array.from({ length: 1_001 }, () => ({ destination: 'oslo.test' })),
    )
    expect({ waiting, size }).toEqual({ waiting: 1_001, size: 10_010 })
  })

  it('let others have their turn from page to page', async () => {
    let turns = 0
    const turn = () => {
      turns++
      next = setImmediate(turn)
    }
    let next = setImmediate(turn)
    await statisticsOf(Array.from({ length: 2_500 }, () => ({ destination: 'oslo.test' })))
    clearImmediate(next)
    expect(turns).toBeGreaterThanOrEqual(4)
  })

  it('have ages in hours, what comes from a clock ahead among the youngest', async () => {
    const hour = 3_600_000
    const ages = [-5, 0, 0.9, 1, 3.9, 4, 11, 12, 24, 47, 48, 400]
    const given = ages.map(age => ({ destination: 'oslo.test', queuedAt: 1_000 - age * hour }))
    const statistics = await statisticsOf(given)
    expect(statistics.ages).toEqual([3, 2, 2, 1, 2, 2])
    expect(statistics.oldestQueuedAt).toBe(1_000 - 400 * hour)
  })

  it('of an empty queue are empty', async () => {
    expect(await statisticsOf([])).toEqual({
      ...{ waiting: 0, leased: 0, held: 0, dead: 0, size: 0, ages: [0, 0, 0, 0, 0, 0] },
      ...{ destinations: [], otherDestinations: 0, sites: [] },
    })
  })

  it.each([
    ['rome.italy.test', 'bari.italy.test'],
    ['bari.italy.test', 'rome.italy.test'],
  ])('tell of a site what is first and last at all its destinations (%s first)', async (one, other) => {
    const { sites, nextAttemptAt } = await statisticsOf([
      { destination: one, dueAt: 3_000, queuedAt: 30, history: [failedAt(90, 'lately')] },
      { destination: other, dueAt: 2_000, queuedAt: 20, history: [failedAt(80, 'before')] },
    ])
    expect(sites).toMatchObject([{ nextAttemptAt: 2_000, oldestQueuedAt: 20, lastReason: 'lately' }])
    expect(nextAttemptAt).toBe(2_000)
    const reversed = await statisticsOf([
      { destination: one, dueAt: 2_000, queuedAt: 20, history: [failedAt(80, 'before')] },
      { destination: other, dueAt: 3_000, queuedAt: 30, history: [failedAt(90, 'lately')] },
    ])
    expect(reversed.sites).toMatchObject([{ nextAttemptAt: 2_000, oldestQueuedAt: 20, lastReason: 'lately' }])
  })

  it('tell of a destination why the last attempt failed, whichever entry it was of', async () => {
    const { destinations } = await statisticsOf([
      { destination: 'oslo.test', history: [failedAt(70, 'long ago'), failedAt(90, 'lately')] },
      { destination: 'oslo.test', history: [failedAt(80, 'before')] },
      { destination: 'oslo.test' },
    ])
    expect(destinations).toMatchObject([{ total: 3, lastReason: 'lately' }])
  })

  it('have the busiest destinations and sites first, and sites of those named only', async () => {
    const many = ['a.italy.test', 'b.italy.test', 'b.italy.test', 'oslo.test', 'oslo.test', 'oslo.test']
    const given = ['bern.test', ...many].map(destination => ({ destination }))
    const all = await statisticsOf([...given, { destination: 'a.italy.test' }])
    expect(all.destinations.map(({ destination }) => destination)[0]).toBe('oslo.test')
    expect(all.sites.map(({ site, total }) => `${site} ${total}`)).toEqual([
      'mx.italy.test 4',
      'oslo.test 3',
      'bern.test 1',
    ])
    const named = await statisticsOf(given, 2)
    expect(named.otherDestinations).toBe(2)
    expect(named.sites.map(({ site, total }) => `${site} ${total}`)).toEqual([
      'oslo.test 3',
      'mx.italy.test 2',
    ])
  })

  it('know no next attempt of what does not wait for one', async () => {
    const entry = { destination: 'oslo.test', dueAt: 1_500 }
    const statistics = await statisticsOf([
      { ...entry, state: 'leased' },
      { ...entry, state: 'held' },
      { ...entry, state: 'dead' },
    ])
    expect(statistics).toMatchObject({ waiting: 0, leased: 1, held: 1, dead: 1 })
    expect(statistics).not.toHaveProperty('nextAttemptAt')
    expect(statistics.destinations[0]).not.toHaveProperty('nextAttemptAt')
    expect(statistics.sites[0]).not.toHaveProperty('nextAttemptAt')
  })
})
