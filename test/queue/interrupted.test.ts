import { describe, expect, it } from 'vitest'
import { pauseAfterInterruption } from '../../src/queue/interrupted.js'
import { type AttemptRecord, type LeasedEntry, longestHistory } from '../../src/storage/queue-storage.js'

/** An entry with so many attempts begun, the one under way included, and so many of them on record. */
function entryOf(attempts: number, records: readonly Partial<AttemptRecord>[]): LeasedEntry {
  const history = records.map(record => ({
    ...{ startedAt: 0, endedAt: 0, status: 'deferred' as const, scope: 'host' as const, reason: 'busy' },
    ...record,
  }))
  return {
    ...{ id: 'q1', traceId: 't', blob: 'b', size: 1, token: 'x', destination: 'rome.test', warned: false },
    ...{ envelope: { sender: '' }, recipient: { address: 'bob@rome.test' }, state: 'leased' },
    ...{ queuedAt: 0, dueAt: 0, attempts, history },
  }
}

describe('an entry whose attempts were interrupted', () => {
  it('waits from the second of them on that it did not wait for', () => {
    expect(pauseAfterInterruption(entryOf(1, []), 7)).toBeUndefined()
    expect(pauseAfterInterruption(entryOf(2, []), 7)).toBeUndefined()
    const wait = pauseAfterInterruption(entryOf(3, []), 7)
    expect(wait).toMatchObject({ startedAt: 7, endedAt: 7, status: 'deferred', scope: 'local' })
    const waited = wait ? [wait] : []
    expect(pauseAfterInterruption(entryOf(4, waited), 8)).toBeUndefined()
    expect(pauseAfterInterruption(entryOf(5, waited), 8)).toBeDefined()
    expect(pauseAfterInterruption(entryOf(4, [{}, {}, {}]), 8)).toBeUndefined()
  })

  it('waits for none where there are more attempts than are kept', () => {
    const history = Array.from({ length: longestHistory }, () => ({}))
    expect(pauseAfterInterruption(entryOf(longestHistory + 90, history), 7)).toBeUndefined()
  })
})
