import assert from 'node:assert/strict'
import { bytesSource } from '../../message/sources.js'
import {
  enqueue,
  failedAttempt,
  failingSource,
  lease,
  mailboxOf,
  patternBytes,
  sampleBatch,
  sampleQueued,
  settled,
  start,
  streamedSource,
} from './sample-batch.js'
import type { StorageTest } from './storage-conformance.js'

const cem = { address: 'cem@other.test' }

/** Settlements: what came of leased entries, in one commit with the messages that this calls for. */
export function settlementTests(test: StorageTest): void {
  test('takes an attempt back where nothing was attempted', async storage => {
    const [id = ''] = await enqueue(storage, cem)
    const next = { state: 'waiting', dueAt: start + 10, warned: true } as const
    for (const tried of [true, false, false]) {
      const [leased] = await lease(storage, start + 10)
      assert.ok(leased)
      const { token } = leased
      const entry = tried ? settled(leased, next) : { id, token, next }
      assert.equal((await storage.queue.settle({ entries: [entry] })).settled, true)
    }
    const entry = await storage.queue.get(id)
    assert.deepEqual([entry?.attempts, entry?.history], [1, [failedAttempt]])
    assert.deepEqual([entry?.state, entry?.dueAt, entry?.warned], ['waiting', start + 10, true])
  })

  test('records a deferred attempt', async storage => {
    const [id = ''] = await enqueue(storage, cem)
    const [leased] = await lease(storage, start)
    assert.ok(leased)
    const next = { state: 'waiting', dueAt: start + 900, warned: true } as const
    assert.deepEqual(await storage.queue.settle({ entries: [settled(leased, next)] }), {
      settled: true,
      accepted: [],
    })
    const entry = await storage.queue.get(id)
    assert.deepEqual(
      [entry?.state, entry?.dueAt, entry?.attempts, entry?.warned],
      ['waiting', start + 900, 1, true],
    )
    assert.deepEqual(entry?.history, [failedAttempt])
    const [again] = await lease(storage, start + 900)
    assert.ok(again)
    await storage.queue.settle({ entries: [settled(again, { state: 'waiting', dueAt: start + 9_000 })] })
    assert.equal((await storage.queue.get(id))?.warned, true, 'once told stays told')
  })

  test('keeps the last 500 attempts', async storage => {
    const [id = ''] = await enqueue(storage, cem)
    for (let attempt = 1; attempt <= 505; attempt++) {
      const [leased] = await lease(storage, start)
      assert.ok(leased)
      const entry = settled(leased, { state: 'waiting', dueAt: start })
      const reason = `attempt ${attempt}`
      await storage.queue.settle({ entries: [{ ...entry, attempt: { ...failedAttempt, reason } }] })
    }
    const entry = await storage.queue.get(id)
    assert.equal(entry?.attempts, 505)
    assert.equal(entry?.history.length, 500)
    assert.equal(entry?.history[0]?.reason, 'attempt 6')
    assert.equal(entry?.history.at(-1)?.reason, 'attempt 505')
  })

  test('settles and accepts a bounce in one commit', async storage => {
    const [id = ''] = await enqueue(storage, cem)
    const [leased] = await lease(storage, start)
    assert.ok(leased)
    const bounce = sampleBatch({
      message: streamedSource(Buffer.from('Subject: returned\r\n\r\n'), 5),
      copies: [{ account: 'ann', mailbox: 'INBOX', internalDate: start }],
    })
    const result = await storage.queue.settle({
      entries: [settled(leased, { state: 'done' })],
      accept: [bounce],
    })
    assert.ok(result.settled)
    assert.equal(result.accepted[0]?.copies[0]?.uid, 1)
    assert.equal(await storage.queue.get(id), undefined)
    assert.equal((await mailboxOf(storage, 'ann')).messages, 1)
  })

  test('accepts several messages in one commit, also where nothing is settled', async storage => {
    const copies = [{ account: 'ann', mailbox: 'INBOX', internalDate: start }]
    const news = sampleBatch({ queued: sampleQueued([cem]) })
    const result = await storage.queue.settle({ entries: [], accept: [sampleBatch({ copies }), news] })
    assert.ok(result.settled)
    assert.deepEqual(
      result.accepted.map(each => [each.copies.length, each.entries.length]),
      [
        [1, 0],
        [0, 1],
      ],
    )
    const broken = sampleBatch({ copies, message: failingSource(patternBytes(500)) })
    await assert.rejects(storage.queue.settle({ entries: [], accept: [sampleBatch({ copies }), broken] }))
    assert.equal((await mailboxOf(storage, 'ann')).messages, 1)
  })

  test('does nothing of a settlement when one of its leases was lost', async storage => {
    await enqueue(storage, cem, { address: 'dee@third.test' })
    const leased = await lease(storage, start)
    const [kept, dropped] = leased
    assert.ok(kept && dropped)
    await storage.queue.drop([dropped.id])
    const copies = [{ account: 'ann', mailbox: 'INBOX', internalDate: start }]
    const result = await storage.queue.settle({
      entries: leased.map(entry => settled(entry, { state: 'done' })),
      accept: [sampleBatch({ copies })],
    })
    assert.deepEqual(result, { settled: false, lost: [dropped.id] })
    assert.equal((await storage.queue.get(kept.id))?.state, 'leased')
    assert.equal((await mailboxOf(storage, 'ann')).messages, 0)
    assert.deepEqual(await storage.queue.renew([kept], start + 90_000), [], 'its lease still holds')
  })

  test('does nothing of a settlement whose bounce cannot be read', async storage => {
    const [id = ''] = await enqueue(storage, cem)
    const [leased] = await lease(storage, start)
    assert.ok(leased)
    const copies = [{ account: 'ann', mailbox: 'INBOX', internalDate: start }]
    await assert.rejects(
      storage.queue.settle({
        entries: [settled(leased, { state: 'done' })],
        accept: [sampleBatch({ copies }), sampleBatch({ copies, message: failingSource(patternBytes(500)) })],
      }),
    )
    assert.equal((await storage.queue.get(id))?.state, 'leased')
    assert.equal((await mailboxOf(storage, 'ann')).messages, 0)
  })

  test('settles once when two settle with the same lease', async storage => {
    await enqueue(storage, cem)
    const [leased] = await lease(storage, start)
    assert.ok(leased)
    const message = () => streamedSource(Buffer.from('Subject: returned\r\n\r\n'), 5)
    const copies = [{ account: 'ann', mailbox: 'INBOX', internalDate: start }]
    const results = await Promise.all(
      [1, 2].map(() =>
        storage.queue.settle({
          entries: [settled(leased, { state: 'done' })],
          accept: [sampleBatch({ message: message(), copies })],
        }),
      ),
    )
    assert.deepEqual(results.map(result => result.settled).sort(), [false, true])
    assert.equal((await mailboxOf(storage, 'ann')).messages, 1)
  })

  test('accepts in a settlement what refers to the message it settles', async storage => {
    await enqueue(storage, cem)
    const [leased] = await lease(storage, start)
    assert.ok(leased)
    const copies = [{ account: 'ann', mailbox: 'INBOX', internalDate: start }]
    await storage.queue.settle({
      entries: [settled(leased, { state: 'done' })],
      accept: [sampleBatch({ message: { blob: leased.blob }, copies })],
    })
    assert.ok(await storage.blobs.open(leased.blob))
  })

  test('accepts a batch of a settlement once, with the others of the same id', async storage => {
    const bounce = sampleBatch({
      message: bytesSource('Subject: returned\r\n\r\n'),
      copies: [{ account: 'ann', mailbox: 'INBOX', internalDate: start }],
    })
    const first = await storage.accept(bounce)
    await enqueue(storage, cem)
    const [leased] = await lease(storage, start)
    assert.ok(leased)
    const result = await storage.queue.settle({
      entries: [settled(leased, { state: 'done' })],
      accept: [bounce],
    })
    assert.deepEqual(result, { settled: true, accepted: [first] })
    assert.equal((await mailboxOf(storage, 'ann')).messages, 1)
  })
}
