import { expect, it } from 'vitest'
import { chooseDue } from '../../src/storage/choose-due.js'
import type { LeaseRequest } from '../../src/storage/queue-storage.js'
import type { Storage } from '../../src/storage/storage.js'
import { sampleBatch, start } from '../../src/testing/conformance/sample-batch.js'
import { SeededRandom } from '../../src/testing/conformance/seeded-random.js'
import { describeStorages, newStorage } from '../testing-tools/describe-storages.js'

const destinations = ['a.test', 'b.test', 'c.test', 'd.test']
const senders = ['one.test', 'two.test', '']

/** Forty messages, each due at instants of its own: the contract leaves open who is first of those due at once. */
async function fill(storage: Storage, random: SeededRandom): Promise<void> {
  for (let message = 0; message < 40; message++) {
    const recipients = random.some(destinations, 0.5).flatMap((destination, place) => {
      const dueAt = start + ((message * 17) % 40) * 10 + place
      const count = 1 + random.below(4)
      return Array.from({ length: count }, (_, user) => {
        return { address: `${user}@${destination}`, destination, dueAt, held: random.chance(0.1) }
      })
    })
    const domain = senders[random.below(senders.length)] ?? ''
    const envelope = { sender: domain && `ann@${domain}` }
    await storage.accept(sampleBatch({ queued: { traceId: `trace ${message}`, envelope, recipients } }))
  }
}

function randomRequest(random: SeededRandom): LeaseRequest {
  const now = start + random.below(500)
  const groups = [{ destinations: new Set(random.some(destinations, 0.5)), most: random.below(4) }]
  return {
    now,
    expiresAt: now + 1 + random.below(50),
    limit: random.below(8),
    ...(random.chance(0.3) && { perDestination: random.below(3) }),
    ...(random.chance(0.3) && { perTransaction: 1 + random.below(3) }),
    ...(random.chance(0.3) && { except: new Set(random.some(destinations, 0.3)) }),
    ...(random.chance(0.3) && { exceptSenders: new Set(random.some(senders, 0.4)) }),
    ...(random.chance(0.3) && { groups }),
  }
}

describeStorages('a lease', () => {
  it.each([1, 20_260_101])('takes what one takes that looks at all entries, seed %i', async seed => {
    const random = new SeededRandom(seed)
    const storage = newStorage()
    await fill(storage, random)
    let taken = 0
    for (let round = 0; round < 60; round++) {
      const request = randomRequest(random)
      const expected = chooseDue(await storage.queue.list(), request, ({ traceId }) => traceId)
      const leased = await storage.queue.lease(request)
      expect(leased.map(({ id }) => id)).toEqual(expected.map(({ id }) => id))
      await storage.queue.giveBack(leased)
      taken += leased.length
    }
    expect(taken).toBeGreaterThan(100)
  })
})
