import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { createDeliveryQueue, memoryStorage } from '../../src/index.js'
import type { DeliveryQueueEvents } from '../../src/queue/events.js'
import { createTestInternet } from '../../src/testing/index.js'
import { faultyStorage } from '../queue/faulty-storage.js'

const raw = 'Subject: Hello\r\nFrom: alice@paris.test\r\n\r\nHow are you?\r\n'
const minute = 60_000

/**
 * Two workers on one storage. The first leases a letter and then stands still as far as its storage can tell, so that
 * its lease, of five minutes, runs out; its conversation with Rome goes on, which takes eight minutes for the final dot.
 */
async function stalledWorld(answer: 'accept' | 'refuse') {
  const internet = createTestInternet({ seed: 1, clock: createVirtualClock({ haltAfter: 50 }) })
  const storage = memoryStorage()
  const { storage: stalled, faults } = faultyStorage(storage)
  const paris = await internet.server('paris.test', { users: ['alice'], server: { storage: stalled } })
  const rome = internet.host('mx.rome.test')
  if (answer === 'accept') rome.on.message().times(2).delay('8m').accept()
  else rome.on.message().times(1).delay('8m').reply(550, '5.7.1 Not this one')
  // Leases are given as ever, until one was; none is renewed.
  let given = false
  faults.lease = async (lease, request) => {
    if (given) return []
    const entries = await lease(request)
    given = entries.length > 0
    return entries
  }
  faults.renew = async () => []
  const { address: _, ...place } = internet.attach('worker2.paris.test')
  const second = createDeliveryQueue({ ...place, storage, random: () => internet.random() })
  const told: string[] = []
  const start = internet.clock.now()
  for (const [name, queue] of Object.entries({ first: paris.queue, second })) {
    const events: (keyof DeliveryQueueEvents)[] = [
      'recipient:delivered',
      'recipient:deferred',
      'recipient:failed',
      'dsn:sent',
      'lease:lost',
    ]
    for (const event of events) {
      queue.on(event, () =>
        told.push(`${name} ${event} ${Math.floor((internet.clock.now() - start) / minute)}`),
      )
    }
  }
  await paris.queue.send({ raw, envelope: { sender: 'alice@paris.test', recipients: ['bob@rome.test'] } })
  await internet.clock.settled()
  await second.start()
  return {
    internet,
    paris,
    rome,
    second,
    told,
    async [Symbol.asyncDispose]() {
      await second.close({ grace: 0 })
      await internet.close()
    },
  }
}

describe('a worker that stood still beyond its lease', () => {
  it('leaves the letter alone while the lease lasts', async () => {
    await using world = await stalledWorld('accept')
    await world.internet.clock.advance('4m')
    expect(world.rome.connections).toHaveLength(1)
    expect(world.told).toEqual([])
  })

  it('does not settle what another delivers: the letter is doubled once, and told of once', async () => {
    await using world = await stalledWorld('accept')
    await world.internet.clock.advance('1h')
    expect(world.told).toEqual(['first lease:lost 8', 'second recipient:delivered 13'])
    expect(world.rome.messages).toHaveLength(2)
    expect(await world.second.list()).toEqual([])
    expect(await world.paris.inbox('alice')).toEqual([])
  })

  it('does not return what another has delivered', async () => {
    await using world = await stalledWorld('refuse')
    await world.internet.clock.advance('1h')
    expect(world.told).toEqual(['second recipient:delivered 5', 'first lease:lost 8'])
    expect(world.rome.messages).toHaveLength(1)
    expect(await world.paris.inbox('alice')).toEqual([])
  })

  it('does not take away what another was told to bring again', async () => {
    await using world = await stalledWorld('accept')
    world.rome.on.mail().times(1).reply(450, '4.7.0 Later')
    await world.internet.clock.advance('10m')
    expect(world.told).toEqual(['second recipient:deferred 5', 'first lease:lost 8'])
    expect(await world.second.list()).toMatchObject([{ state: 'waiting', attempts: 2 }])
    await world.internet.clock.advance('1h')
    expect(world.told.slice(2)).toEqual([expect.stringMatching(/^second recipient:delivered \d\d$/)])
    expect(world.rome.messages).toHaveLength(2)
    expect(await world.second.list()).toEqual([])
  })
})
