import { describe, expect, it } from 'vitest'
import { bytesSource } from '../../../src/message/sources.js'
import { AcceptedBatches } from '../../../src/storage/memory/accepted-batches.js'
import { Lifetime } from '../../../src/storage/memory/lifetime.js'
import { MailboxMessages } from '../../../src/storage/memory/mailbox-messages.js'
import { MemoryLocks } from '../../../src/storage/memory/memory-locks.js'
import { memoryStorage } from '../../../src/storage/memory/memory-storage.js'
import { failedAttempt, sampleBatch, start } from '../../../src/testing/conformance/sample-batch.js'

const hour = 3_600_000

function message(flags: readonly string[] = []) {
  return { flags, internalDate: start, savedAt: start, size: 10, blob: 'b1' }
}

describe('memoryStorage does not grow with the past', () => {
  it('forgets batches after an hour to two', () => {
    const batches = new AcceptedBatches()
    const result = { blob: 'b', copies: [], entries: [] }
    batches.add('first', result, start)
    batches.add('second', result, start + hour - 1)
    batches.add('third', result, start + hour)
    expect(batches.get('first')).toBe(result)
    batches.add('fourth', result, start + 2 * hour)
    expect(batches.get('first')).toBeUndefined()
    expect(batches.get('second')).toBeUndefined()
    expect(batches.get('third')).toBe(result)
  })

  it('keeps at least the last 10,000 tombstones of a mailbox, and no more than twice that', () => {
    const messages = new MailboxMessages()
    for (let uid = 1; uid <= 45_000; uid++) {
      messages.append(message())
      messages.expunge([uid])
    }
    const kept = messages.vanished(0)
    expect(kept.length).toBeGreaterThanOrEqual(10_000)
    expect(kept.length).toBeLessThanOrEqual(20_000)
    expect(kept.at(-1)).toBe(45_000)
    expect(kept.at(0)).toBe(45_001 - kept.length)
  })

  it('finds what changed when one message changed many times', () => {
    const messages = new MailboxMessages()
    for (let uid = 1; uid <= 10; uid++) messages.append(message())
    const before = messages.highestModseq
    for (let round = 0; round < 1_000; round++) {
      messages.setFlags({ uids: [{ from: 3, to: 3 }], mode: 'replace', flags: [`f${round}`] })
    }
    expect(messages.list({ changedSince: before }).map(record => [record.uid, record.flags])).toEqual([
      [3, ['f999']],
    ])
    expect(messages.list({ changedSince: 1 })).toHaveLength(10)
  })

  it('forgets locks that were left to expire, and no others', async () => {
    const locks = new MemoryLocks(new Lifetime())
    await locks.acquire('held', 'one', start, start + hour)
    for (let index = 0; index < 5_000; index++) {
      await locks.acquire(`left-${index}`, 'one', start + index, start + index + 1)
    }
    expect(await locks.acquire('held', 'two', start + 6_000, start + hour)).toBe(false)
  })

  it('forgets records that expired, and no others', async () => {
    await using storage = memoryStorage()
    const { records } = storage
    await records.put({ space: 'notes', key: 'kept', value: '' })
    for (let index = 0; index < 5_000; index++) {
      await records.put({ space: 'notes', key: `n${index}`, value: '', expiresAt: start + index })
      await storage.queue.lease({ now: start + index, expiresAt: start + hour, limit: 1 })
    }
    const left = await records.list('notes', { limit: 5_000 })
    expect(left.length).toBeLessThanOrEqual(1_000)
    expect(left.map(({ key }) => key)).toContain('kept')
  })
})

describe('memoryStorage does little for much', () => {
  it('reads no message for a settlement whose lease is lost', async () => {
    await using storage = memoryStorage()
    let opened = 0
    const message = {
      size: 1,
      async *open() {
        opened++
        yield new Uint8Array(1)
      },
    }
    const attempt = failedAttempt
    const entries = [{ id: 'q1', token: 't1', attempt, next: { state: 'done' } as const }]
    const result = await storage.queue.settle({ entries, accept: [sampleBatch({ message })] })
    expect(result).toEqual({ settled: false, lost: ['q1'] })
    expect(opened).toBe(0)
  })

  it('leases without looking at what is not to be leased', async () => {
    await using storage = memoryStorage()
    const recipients = (destination: string, count: number, dueAt: number) =>
      Array.from({ length: count }, (_, index) => ({
        address: `u${index}@${destination}`,
        destination,
        dueAt,
      }))
    const queue = (destination: string, count: number, dueAt: number) =>
      storage.accept(
        sampleBatch({
          message: bytesSource('x'),
          queued: {
            traceId: destination,
            envelope: { sender: '' },
            recipients: recipients(destination, count, dueAt),
          },
        }),
      )
    await queue('busy.test', 20_000, start)
    await queue('later.test', 20_000, start + hour)
    for (let index = 0; index < 500; index++) await queue('free.test', 1, start)
    const except = new Set(['busy.test'])
    const begun = performance.now()
    for (let index = 0; index < 500; index++) {
      const leased = await storage.queue.lease({ now: start, expiresAt: start + 1_000, limit: 1, except })
      expect(leased).toHaveLength(1)
    }
    // A look at each of the 40,000 others would take far longer; the limit leaves a slow machine its time.
    expect(performance.now() - begun).toBeLessThan(5_000)
  })

  it('flags, finds and removes messages of a mailbox of 100,000 without a look at each', () => {
    const messages = new MailboxMessages()
    for (let uid = 1; uid <= 100_000; uid++) messages.append(message())
    const begun = performance.now()
    for (let uid = 1; uid <= 2_000; uid++) {
      const at = { from: uid * 40, to: uid * 40 }
      const since = messages.highestModseq
      messages.setFlags({ uids: [at], mode: 'add', flags: ['\\Seen'] })
      expect(messages.list({ uids: [at] })).toHaveLength(1)
      expect(messages.list({ changedSince: since })).toHaveLength(1)
    }
    expect(performance.now() - begun).toBeLessThan(5_000)
    expect(messages.unseen).toBe(98_000)
  })
})
