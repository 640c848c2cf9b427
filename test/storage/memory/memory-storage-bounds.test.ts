import { describe, expect, it } from 'vitest'
import { bytesSource } from '../../../src/message/sources.js'
import { AcceptedBatches } from '../../../src/storage/memory/accepted-batches.js'
import { MailboxMessages } from '../../../src/storage/memory/mailbox-messages.js'
import { MemoryLocks } from '../../../src/storage/memory/memory-locks.js'
import { memoryStorage } from '../../../src/storage/memory/memory-storage.js'
import { StorageLifetime } from '../../../src/storage/storage-lifetime.js'
import {
  failedAttempt,
  sampleBatch,
  start,
  streamedSource,
} from '../../../src/testing/conformance/sample-batch.js'

const minute = 60_000
const hour = 60 * minute

function message(flags: readonly string[] = []) {
  return { flags, internalDate: start, savedAt: start, size: 10, blob: 'b1' }
}

describe('memoryStorage does not grow with the past', () => {
  it('forgets batches after an hour, and none before for one instant of a clock that jumped', () => {
    for (const jump of [start + 400 * 24 * hour, 0]) {
      const batches = new AcceptedBatches()
      const add = (id: string, now: number) => batches.add(id, { blob: id, copies: [], entries: [] }, now)
      for (let now = 0; now <= 90; now++) add(`at ${now}`, start + now * minute)
      add('jumped', jump)
      for (let now = 91; now <= 120; now++) {
        add(`at ${now}`, start + now * minute)
        for (let known = now - 60; known <= now; known++) expect(batches.get(`at ${known}`)).toBeDefined()
      }
      for (let now = 121; now <= 300; now++) add(`at ${now}`, start + now * minute)
      expect(batches.get('at 120')).toBeUndefined()
    }
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
    const locks = new MemoryLocks(new StorageLifetime('memoryStorage'))
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
      const now = start + index * minute
      await records.put({ space: 'notes', key: `n${index}`, value: '', expiresAt: now })
      await storage.queue.lease({ now, expiresAt: now + hour, limit: 1 })
    }
    const left = await records.list('notes', { limit: 5_000 })
    expect(left.length).toBeLessThanOrEqual(1_000)
    expect(left.map(({ key }) => key)).toContain('kept')
  })

  it.each([start + 400 * 24 * hour, 0])('goes by no single instant: %i', async jump => {
    for (const place of [1, 2, 3]) {
      await using storage = memoryStorage()
      const { records, locks } = storage
      const pass = (now: number) => storage.queue.lease({ now, expiresAt: now + 1, limit: 0 })
      const passMinutes = async (from: number, to: number) => {
        for (let count = from; count < to; count++) await pass(start + count * minute)
      }
      await passMinutes(0, place)
      const { id } = await storage.blobs.write(streamedSource(Buffer.from('kept'), 1).open())
      const expiresAt = start + hour
      for (let index = 0; index < 1_000; index++) {
        await records.put({ space: 'notes', key: `n${index}`, value: '', expiresAt })
        await locks.acquire(`lock ${index}`, 'one', start, expiresAt)
      }
      await pass(jump)
      await locks.acquire('another', 'one', jump, jump)
      await passMinutes(place, 30)
      expect(await storage.blobs.open(id)).toBeDefined()
      expect(await records.get('notes', 'n0')).toBeDefined()
      expect(await locks.acquire('lock 0', 'two', start + hour - 1, expiresAt)).toBe(false)
      await passMinutes(30, 100)
      expect(await storage.blobs.open(id)).toBeUndefined()
    }
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
