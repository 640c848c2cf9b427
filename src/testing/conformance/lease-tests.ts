import assert from 'node:assert/strict'
import type { LeasedEntry } from '../../storage/queue-storage.js'
import { enqueue, lease, sampleBatch, sampleQueued, settled, start } from './sample-batch.js'
import type { StorageTest } from './storage-conformance.js'

const cem = { address: 'cem@other.test' }

function addresses(leased: readonly LeasedEntry[]): string[] {
  return leased.map(entry => entry.recipient.address)
}

function at(destination: string, count: number, dueAt = start) {
  return Array.from({ length: count }, (_, index) => ({ address: `user${index}@${destination}`, dueAt }))
}

/** Leases: who works on what, for how long, and what came of it. */
export function leaseTests(test: StorageTest): void {
  test('leases what is due, in the order of dueAt', async storage => {
    const later = ['c', 'a', 'd', 'b'] as const
    const dueAt = { a: start + 1, b: start + 2, c: start + 3, d: start + 4 }
    for (const name of later) await enqueue(storage, { address: `${name}@${name}.test`, dueAt: dueAt[name] })
    assert.deepEqual(await lease(storage, start), [])
    assert.deepEqual(addresses(await lease(storage, start + 3)), ['a@a.test', 'b@b.test', 'c@c.test'])
    assert.deepEqual(await lease(storage, start + 3), [], 'they are leased')
    assert.deepEqual(addresses(await lease(storage, start + 4)), ['d@d.test'])
  })

  test('records the attempt with the lease', async storage => {
    const { queue } = storage
    const [id = ''] = (await storage.accept(sampleBatch({ queued: sampleQueued([cem]) }))).entries
    const [leased] = await queue.lease({ now: start, expiresAt: start + 77, limit: 1 })
    assert.ok(leased?.token)
    assert.deepEqual([leased.state, leased.attempts, leased.dueAt], ['leased', 1, start + 77])
    const { token, ...entry } = leased
    assert.deepEqual(await queue.get(id), entry)
  })

  test('leases no more than the limit', async storage => {
    for (let index = 0; index < 9; index++) await enqueue(storage, cem)
    assert.equal((await lease(storage, start, 4)).length, 4)
    assert.equal((await lease(storage, start, 0)).length, 0)
    assert.equal((await lease(storage, start, 4)).length, 4)
    assert.equal((await lease(storage, start, 4)).length, 1)
  })

  test('lets due entries of the same message and destination come along', async storage => {
    await enqueue(storage, ...at('other.test', 5), ...at('third.test', 2, start + 1), {
      address: 'later@other.test',
      dueAt: start + 1_000,
    })
    await enqueue(storage, { address: 'second@other.test', dueAt: start + 2 })
    const first = await lease(storage, start + 2, 1)
    assert.deepEqual(addresses(first).sort(), addresses(first.slice()).sort())
    assert.deepEqual(
      addresses(first).sort(),
      at('other.test', 5).map(recipient => recipient.address),
    )
    assert.deepEqual(addresses(await lease(storage, start + 2, 1)), ['user0@third.test', 'user1@third.test'])
    assert.deepEqual(addresses(await lease(storage, start + 2, 1)), ['second@other.test'])
  })

  test('lets no more than 100 travel together', async storage => {
    await enqueue(storage, ...at('other.test', 250))
    const seen = new Set<string>()
    const sizes: number[] = []
    for (let round = 0; round < 3; round++) {
      const leased = await lease(storage, start, 1)
      sizes.push(leased.length)
      for (const { id } of leased) seen.add(id)
    }
    assert.deepEqual(sizes, [100, 100, 50])
    assert.equal(seen.size, 250)
  })

  test('lets no more travel together than it is told', async storage => {
    await enqueue(storage, ...at('other.test', 5), ...at('third.test', 2, start + 1))
    const request = { now: start + 1, expiresAt: start + 60_000, limit: 2 }
    const alone = await storage.queue.lease({ ...request, perTransaction: 1, perDestination: 1 })
    assert.deepEqual(addresses(alone).sort(), ['user0@other.test', 'user0@third.test'])
    const pairs = await storage.queue.lease({ ...request, perTransaction: 2 })
    assert.equal(pairs.length, 4)
    assert.equal((await storage.queue.lease({ ...request, limit: 9, perTransaction: 1 })).length, 1)
  })

  test('passes over destinations at their limit, and takes so many transactions of each', async storage => {
    for (let index = 0; index < 5; index++) {
      await enqueue(
        storage,
        { address: 'one@busy.test' },
        { address: 'one@calm.test' },
        { address: 'two@calm.test' },
      )
    }
    const request = { now: start, expiresAt: start + 60_000, limit: 100 }
    const except = new Set(['busy.test'])
    const leased = await storage.queue.lease({ ...request, except, perDestination: 2 })
    assert.deepEqual(addresses(leased).sort(), [
      'one@calm.test',
      'one@calm.test',
      'two@calm.test',
      'two@calm.test',
    ])
    assert.equal((await storage.queue.lease({ ...request, perDestination: 1 })).length, 3)
    assert.equal((await storage.queue.lease(request)).length, 4 + 2 * 2)
  })

  test('takes no more transactions of a group of destinations than it may', async storage => {
    for (let index = 0; index < 5; index++) {
      for (const name of ['a', 'b', 'c']) await enqueue(storage, { address: `${name}@${name}.test` })
    }
    const groups = [
      { destinations: new Set(['a.test', 'b.test']), most: 3 },
      { destinations: new Set(['c.test', 'd.test']), most: 0 },
    ]
    const request = { now: start, expiresAt: start + 60_000, limit: 100 }
    const leased = await storage.queue.lease({ ...request, groups })
    assert.deepEqual(
      leased.map(entry => entry.destination !== 'c.test'),
      [true, true, true],
    )
    assert.equal((await storage.queue.lease({ ...request, groups, perDestination: 1 })).length, 2)
    assert.equal((await storage.queue.lease(request)).length, 10)
  })

  test('passes over senders at their limit, however much of theirs is due', async storage => {
    const from = (sender: string, submitter?: string) =>
      storage.accept(
        sampleBatch({
          queued: {
            ...sampleQueued(at('other.test', 1)),
            envelope: { sender },
            ...(submitter !== undefined && { submitter }),
          },
        }),
      )
    for (let index = 0; index < 20; index++) {
      await from(`list+${index}@Flood.test`)
      await from('someone@many.test', 'ann')
    }
    await from('bob@calm.test')
    await from('')
    const request = { now: start, expiresAt: start + 60_000, limit: 100 }
    const exceptSenders = new Set(['flood.test', 'ann'])
    const calm = await storage.queue.lease({ ...request, exceptSenders })
    assert.deepEqual(calm.map(entry => entry.envelope.sender).sort(), ['', 'bob@calm.test'])
    assert.equal((await storage.queue.lease({ ...request, exceptSenders: new Set(['ann']) })).length, 20)
    assert.equal((await storage.queue.lease({ ...request, exceptSenders: new Set(['', 'x']) })).length, 20)
  })

  test('gives each entry to one of many who lease at once', async storage => {
    for (let index = 0; index < 60; index++) await enqueue(storage, cem)
    const leased = (await Promise.all(Array.from({ length: 10 }, () => lease(storage, start, 10)))).flat()
    assert.equal(new Set(leased.map(entry => entry.id)).size, leased.length)
    assert.equal(leased.length, 60)
    assert.equal(new Set(leased.map(entry => entry.token)).size, 60)
  })

  test('hands an entry on when its lease runs out, and refuses the one who had it', async storage => {
    const [id = ''] = await enqueue(storage, cem)
    const [late] = await lease(storage, start, 1, start + 100)
    assert.deepEqual(await lease(storage, start + 99), [])
    const [taken] = await lease(storage, start + 100)
    assert.ok(late && taken)
    assert.equal(taken.id, id)
    assert.equal(taken.attempts, 2)
    assert.notEqual(taken.token, late.token)
    assert.deepEqual(await storage.queue.renew([late], start + 500), [id])
    assert.deepEqual(await storage.queue.settle({ entries: [settled(late, { state: 'done' })] }), {
      settled: false,
      lost: [id],
    })
    await storage.queue.giveBack([late])
    assert.equal((await storage.queue.get(id))?.attempts, 2)
    assert.equal((await storage.queue.settle({ entries: [settled(taken, { state: 'done' })] })).settled, true)
    assert.equal(await storage.queue.get(id), undefined)
  })

  test('renews leases', async storage => {
    await enqueue(storage, cem)
    const leased = await lease(storage, start, 1, start + 100)
    assert.deepEqual(await storage.queue.renew(leased, start + 300), [])
    assert.equal(await storage.queue.nextDue(), start + 300)
    assert.deepEqual(await lease(storage, start + 299), [])
    assert.equal((await lease(storage, start + 300)).length, 1)
  })

  test('takes a lease back as if it had not been', async storage => {
    const [id = ''] = await enqueue(storage, cem)
    const before = await storage.queue.get(id)
    const leased = await lease(storage, start)
    await storage.queue.giveBack(leased)
    assert.deepEqual(await storage.queue.get(id), before)
    assert.deepEqual(await storage.queue.renew(leased, start + 500), [id])
    assert.equal((await lease(storage, start)).length, 1)
  })
}
