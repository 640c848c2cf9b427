import assert from 'node:assert/strict'
import {
  bytesOf,
  enqueue,
  lease,
  letter,
  mailboxOf,
  put,
  sampleBatch,
  settled,
  start,
} from './sample-batch.js'
import type { StorageConformanceOptions } from './storage-conformance.js'

/** What outlives the storage, for drivers that say anything does. */
export function durabilityTests({
  it,
  create,
  reopen,
}: Required<Pick<StorageConformanceOptions, 'it' | 'create' | 'reopen'>>): void {
  it('has all that was there when it is opened again', async () => {
    let storage = await create()
    const { blob } = await put(storage, 'ann', 'Work/2026', ['\\Seen'])
    await put(storage, 'ann', 'Work/2026')
    const { id } = await mailboxOf(storage, 'ann', 'Work/2026')
    await storage.mail.expunge(id, [2])
    await storage.mail.setSubscribed('ann', 'Work/2026', true)
    const batch = sampleBatch({ copies: [{ account: 'ann', mailbox: 'INBOX', internalDate: start }] })
    const result = await storage.accept(batch)
    const [entry = ''] = await enqueue(storage, { address: 'cem@other.test' })
    const [leased] = await lease(storage, start)
    assert.ok(leased)
    await storage.records.put({ space: 'notes', key: 'one', value: 'kept', expiresAt: start + 5 })
    await storage.records.add({ space: 'notes', key: 'one', value: '' }, 7)
    const before = {
      mailboxes: await storage.mail.mailboxes('ann'),
      messages: await storage.mail.list(id),
      usage: await storage.mail.usage('ann'),
      entry: await storage.queue.get(entry),
      records: await storage.records.list('notes'),
    }
    storage = await reopen(storage)
    assert.deepEqual(await storage.mail.mailboxes('ann'), before.mailboxes)
    assert.deepEqual(await storage.mail.list(id), before.messages)
    assert.deepEqual(await storage.mail.usage('ann'), before.usage)
    assert.deepEqual(await storage.mail.vanished(id, 1), [2])
    assert.deepEqual(await storage.queue.get(entry), before.entry)
    assert.deepEqual(await storage.records.list('notes'), before.records)
    assert.equal((await bytesOf(await storage.blobs.open(blob))).toString(), letter)
    assert.deepEqual(await storage.accept(batch), result, 'it knows the batch')
    assert.equal((await put(storage, 'ann', 'Work/2026')).copies[0]?.uid, 3)
    const done = await storage.queue.settle({ entries: [settled(leased, { state: 'done' })] })
    assert.equal(done.settled, true, 'a lease is not bound to a process')
    await storage.close()
  })
}
