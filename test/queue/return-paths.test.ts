import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { createVerp } from '../../src/return-path/create-verp.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { faultyStorage } from './faulty-storage.js'
import { createQueueWorld, delivered, hour } from './queue-world.js'

const verp = createVerp({ secret: 'a secret of the tests' })
const readers = (count: number) => Array.from({ length: count }, (_, index) => `user${index}@rome.test`)

describe('mail with a return address for each recipient', () => {
  it('is a transaction a recipient: rates and concurrency count each', async () => {
    const limits = { perSite: { rate: { messages: 2, per: '1h' } } } as const
    await using world = await createQueueWorld(() => delivered, { verp, limits })
    await world.send(readers(7))
    await world.clock.settled()
    expect(world.transport.deliveries.map(({ recipients }) => recipients.length)).toEqual([1, 1])
    await world.clock.advance('4h')
    expect(world.times('recipient:delivered')).toEqual([0, 0, 1, 1, 2, 2, 3].map(hours => hours * hour))
  })

  it('is under way no more than a site is given at once', async () => {
    await using world = await createQueueWorld(() => new Promise(() => {}), {
      verp,
      concurrency: { perSite: 3 },
    })
    await world.send(readers(50))
    await world.clock.settled()
    expect(world.transport.deliveries).toHaveLength(3)
  })

  it('is leased as it can be begun, not a hundred at a time to be given back', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    let given = 0
    faults.giveBack = (real, leases) => {
      given += leases.length
      return real(leases)
    }
    await using world = await createQueueWorld(() => delivered, { verp, storage })
    await world.send(readers(300))
    await world.queue.idle()
    expect(world.events('recipient:delivered')).toHaveLength(300)
    expect(given).toBeLessThan(100)
  })

  it('shares a transaction where recipients share the address', async () => {
    const shared = createVerp({ secret: 'a secret of the tests', perRecipient: false })
    await using world = await createQueueWorld(() => delivered, { verp: shared })
    await world.send(readers(5))
    await world.queue.idle()
    expect(world.transport.deliveries.map(({ recipients }) => recipients.length)).toEqual([5])
    expect(world.transport.deliveries[0]?.envelope.sender).toMatch(/^alice\+.+@paris\.test$/)
  })

  it('waits where the return address cannot be made, and says why', async () => {
    const encode = () => {
      throw new Error('no secret today')
    }
    await using world = await createQueueWorld(() => delivered, { verp: { ...verp, encode } })
    await world.send(readers(2))
    await world.clock.settled()
    expect(world.transport.deliveries).toEqual([])
    expect(world.events('attempt:started').map(({ entries }) => entries.length)).toEqual([1, 1])
    expect(world.events('recipient:deferred').map(({ attempt }) => attempt.reason)).toEqual([
      'the delivery failed here: no secret today',
      'the delivery failed here: no secret today',
    ])
  })
})

describe('an attempt', () => {
  it('leaves nothing on its signal', async () => {
    const signals: AbortSignal[] = []
    await using world = await createQueueWorld((_, __, signal) => {
      signals.push(signal)
      return delivered
    })
    await world.send('bob@rome.test')
    await world.queue.idle()
    const [signal] = signals
    expect(signal && getEventListeners(signal, 'abort')).toEqual([])
  })
})
