import { describe, expect, it } from 'vitest'
import { createDeliveryQueue } from '../../src/queue/create-delivery-queue.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { faultyStorage } from './faulty-storage.js'
import { createQueueWorld, deferred, delivered, scriptedTransport } from './queue-world.js'

describe('closing', () => {
  it('lets attempts end within the grace period and settles them', async () => {
    let end = () => {}
    const world = await createQueueWorld(
      () =>
        new Promise(resolve => {
          end = () => resolve(delivered)
        }),
    )
    await world.send('bob@rome.test')
    await world.clock.settled()
    const closed = world.queue.close({ grace: '10s' })
    end()
    await closed
    expect(world.events('recipient:delivered')).toHaveLength(1)
    expect(world.transport.closed).toBe(true)
    expect(await world.storage.queue.list()).toEqual([])
  })

  it('cuts attempts after the grace period and records what they say', async () => {
    const world = await createQueueWorld(
      (_, __, signal) =>
        new Promise(resolve => {
          signal.addEventListener('abort', () => resolve({ ...deferred, reason: 'cut' }))
        }),
    )
    await world.send('bob@rome.test')
    await world.clock.settled()
    const closed = world.queue.close({ grace: '10s' })
    await world.clock.advance('10s')
    await closed
    expect(await world.storage.queue.list()).toMatchObject([
      { state: 'waiting', history: [{ reason: 'cut' }] },
    ])
  })

  it('never hangs, even over drivers that never answer; the entry is due when its lease runs out', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    let answer = () => {}
    const world = await createQueueWorld(
      () =>
        new Promise(resolve => {
          answer = () => resolve(delivered)
        }),
      { storage },
    )
    world.transport.close = () => new Promise(() => {})
    await world.send('bob@rome.test')
    await world.clock.settled()
    faults.nextDue = () => new Promise(() => {})
    await world.send('carol@oslo.test')
    const before = performance.now()
    await world.queue.close({ grace: 0 })
    expect(performance.now() - before).toBeLessThan(6_000)
    faults.settle = () => {
      throw new Error('settled after it was closed')
    }
    answer()
    await world.clock.settled()
    expect(world.events('queue:error')).toEqual([])
    expect(await world.queue.get('q00000001')).toMatchObject({ state: 'leased' })
  })

  it('gives back what was leased and not begun', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    const world = await createQueueWorld(() => delivered, { storage })
    let release = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    faults.lease = async (real, request) => {
      const entries = await real(request)
      await held
      return entries
    }
    await world.send('bob@rome.test')
    await world.clock.settled()
    const closed = world.queue.close()
    release()
    await closed
    expect(world.transport.deliveries).toEqual([])
    expect(await world.queue.list()).toMatchObject([{ state: 'waiting', attempts: 0 }])
  })

  it('takes until leases are given back, as draining does', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    const ends: (() => void)[] = []
    const world = await createQueueWorld(() => new Promise(resolve => ends.push(() => resolve(delivered))), {
      storage,
      concurrency: { perSite: 1 },
    })
    let release = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    faults.giveBack = async (real, leases) => {
      await held
      return real(leases)
    }
    await world.send('bob@rome.test')
    await world.send('carol@rome.test')
    await world.clock.settled()
    expect(await world.queue.counts()).toMatchObject({ leased: 2 })
    let drained: boolean | undefined
    const draining = world.queue.drain({ grace: '1m' }).then(all => {
      drained = all
    })
    for (const end of ends) end()
    await world.clock.settled()
    expect(drained).toBeUndefined()
    let closed = false
    const closing = world.queue.close().then(() => {
      closed = true
    })
    await world.clock.settled()
    expect([drained, closed]).toEqual([undefined, false])
    release()
    await Promise.all([draining, closing])
    expect(drained).toBe(true)
    expect(await world.storage.queue.list()).toMatchObject([{ state: 'waiting', attempts: 0 }])
  })

  it('gives back an attempt that has not begun to dial, without a word', async () => {
    const { storage, blobFaults } = faultyStorage(memoryStorage())
    const world = await createQueueWorld(() => delivered, { storage })
    let opened = () => {}
    const opening = new Promise<void>(resolve => {
      opened = resolve
    })
    blobFaults.open = async (real, id) => {
      await opening
      return real(id)
    }
    await world.send('bob@rome.test')
    await world.clock.settled()
    const closing = world.queue.close({ grace: 0 })
    await world.clock.settled()
    opened()
    await closing
    expect(world.transport.deliveries).toEqual([])
    expect(world.events('attempt:started')).toEqual([])
    expect(world.events('queue:error')).toEqual([])
    expect(await world.storage.queue.list()).toMatchObject([{ state: 'waiting', attempts: 0 }])
  })

  it('gives back what waits for its site to be looked up', async () => {
    const world = await createQueueWorld()
    world.transport.site = () => new Promise(() => {})
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(await world.queue.counts()).toMatchObject({ leased: 1 })
    expect(await world.queue.drain({ grace: '10s' })).toBe(true)
    expect(await world.queue.list()).toMatchObject([{ state: 'waiting', attempts: 0 }])
    await world.queue.close({ grace: 0 })
  })

  it('drains once nothing is being leased', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    const world = await createQueueWorld(() => delivered, { storage })
    let release = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    faults.lease = async (real, request) => {
      const entries = await real(request)
      await held
      return entries
    }
    await world.send('bob@rome.test')
    await world.clock.settled()
    const early = world.queue.drain({ grace: '1s' })
    await world.clock.advance('1s')
    expect(await early).toBe(false)
    const draining = world.queue.drain({ grace: '10s' })
    release()
    expect(await draining).toBe(true)
    expect(await world.queue.list()).toMatchObject([{ state: 'waiting', attempts: 0 }])
    await world.queue.close({ grace: 0 })
  })

  it('can be done twice, before the start, and ends what waits for idle', async () => {
    const world = await createQueueWorld()
    world.queue.pause()
    await world.send('bob@rome.test')
    const idle = world.queue.idle()
    await Promise.all([world.queue.close(), world.queue.close({ grace: 5 })])
    await idle
    await expect(world.queue.start()).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(world.send('bob@rome.test')).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(world.queue.accept({} as never)).rejects.toMatchObject({ code: 'CLOSED' })
    await createDeliveryQueue({
      hostname: 'mx.paris.test',
      transport: scriptedTransport(() => delivered),
    }).close()
  })

  it('leaves no timer behind', async () => {
    const world = await createQueueWorld(() => deferred)
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.clock.nextTimer()).toBeDefined()
    await world.queue.close()
    expect(world.clock.nextTimer()).toBeUndefined()
  })

  it('leaves no timer behind where a storage that fails is waited for, nor after what was delivered', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    const world = await createQueueWorld(() => delivered, { storage, attemptTimeout: '30s' })
    await world.send('bob@rome.test')
    await world.queue.idle()
    // The queue may look again when the lease would have run out.
    expect(world.clock.nextTimer() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(world.clock.now() + 60_000)
    faults.settle = () => Promise.reject(new Error('the disk is busy'))
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.events('queue:error')).toHaveLength(1)
    await world.queue.close({ grace: 0 })
    expect(world.clock.nextTimer()).toBeUndefined()
  })

  it('starts only once, and delivers nothing before', async () => {
    const storage = memoryStorage()
    const transport = scriptedTransport(() => delivered)
    await using queue = createDeliveryQueue({ hostname: 'mx.paris.test', storage, transport })
    await queue.send({ from: 'alice@paris.test', to: 'bob@rome.test', text: 'Hello' })
    expect(transport.deliveries).toEqual([])
    await Promise.all([queue.start(), queue.start()])
    await queue.idle()
    expect(transport.deliveries).toHaveLength(1)
  })
})

describe('options', () => {
  it.each([
    [{ hostname: 'no name' }, 'hostname'],
    [{ storage: {} }, 'storage: expected a storage'],
    [
      { storage: Object.create(memoryStorage(), { records: { value: undefined } }) },
      'storage: expected a storage with the parts blobs, mail, queue, locks and records',
    ],
    [{ retry: '30h' }, 'retry'],
    [{ concurrency: { total: 0 } }, 'concurrency.total'],
    [{ lease: 10 }, 'lease'],
    [{ attemptTimeout: 'long' }, 'attemptTimeout'],
    [{ transport: { deliver() {} } }, 'transport'],
    [{ delivery: { port: 'smtp' } }, 'port'],
    [{ hostnam: 'x' }, 'hostnam'],
  ])('names %j', (options, name) => {
    expect(() => createDeliveryQueue({ hostname: 'mx.paris.test', ...options } as never)).toThrowError(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(name) }),
    )
  })
})
