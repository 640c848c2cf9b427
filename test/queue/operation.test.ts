import { describe, expect, it } from 'vitest'
import { createSuppressionList } from '../../src/queue/operation/create-suppression-list.js'
import { storedSuppressionList } from '../../src/queue/operation/stored-suppression-list.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { faultyStorage } from './faulty-storage.js'
import { createQueueWorld, deferred, delivered, failed, hour, minute } from './queue-world.js'

describe('a suppression list', () => {
  it('keeps mail from addresses on it, tells their sender why, and delivers the rest', async () => {
    const list = createSuppressionList([{ address: 'Bob@rome.test', reason: 'complained', addedAt: 0 }])
    await using world = await createQueueWorld(() => delivered, { suppression: { list } })
    await world.send(['bob@rome.test', 'carol@rome.test'])
    await world.queue.idle()
    const asked = world.transport.deliveries.flatMap(({ recipients }) => recipients.map(one => one.address))
    expect(asked).toEqual(['carol@rome.test', 'alice@paris.test'])
    expect(world.events('recipient:failed')).toMatchObject([
      {
        recipient: 'bob@rome.test',
        expired: false,
        attempt: { reason: expect.stringContaining('complained') },
      },
    ])
    expect(world.events('dsn:sent')).toMatchObject([{ kind: 'failed', to: 'alice@paris.test' }])
  })

  it('takes hard bounces where it is told to, and nothing else', async () => {
    const list = createSuppressionList()
    const answers = new Map([
      ['bob@rome.test', failed],
      ['carol@rome.test', { ...failed, reply: { code: 554, enhanced: '5.7.1', text: 'Spam' } }],
      ['dora@rome.test', { ...failed, scope: 'message' as const }],
      ['emil@rome.test', { ...failed, reply: { code: 550, text: 'Unknown' } }],
    ])
    const script = (recipient: string) => answers.get(recipient) ?? delivered
    await using world = await createQueueWorld(script, { suppression: { list, addHardBounces: true } })
    await world.send([...answers.keys()])
    await world.queue.idle()
    await world.clock.settled()
    expect(list.list().map(({ address }) => address)).toEqual(['bob@rome.test', 'emil@rome.test'])
    expect(world.events('recipient:failed')).toHaveLength(4)
    expect(list.remove('BOB@rome.test')).toBe(true)
    await using plain = await createQueueWorld(script, { suppression: { list } })
    await plain.send('bob@rome.test')
    await plain.queue.idle()
    expect(list.list().map(({ address }) => address)).toEqual(['emil@rome.test'])
  })

  it('defers mail when it fails', async () => {
    const find = () => Promise.reject(new Error('no database'))
    await using world = await createQueueWorld(() => delivered, {
      suppression: { list: { find, add: () => {} } },
    })
    await world.send('bob@rome.test')
    await world.queue.idle()
    expect(world.events('recipient:deferred')).toHaveLength(1)
    expect(world.events('queue:error')).toHaveLength(1)
  })

  it('fails those on it whatever the transport answers for the others', async () => {
    const list = createSuppressionList([{ address: 'bob@rome.test', reason: 'complained', addedAt: 0 }])
    await using world = await createQueueWorld(() => delivered, { suppression: { list } })
    world.transport.deliver = (async () => undefined) as never
    await world.send(['bob@rome.test', 'carol@rome.test'], '')
    await world.queue.idle()
    expect(world.events('recipient:failed')).toMatchObject([{ recipient: 'bob@rome.test' }])
    expect(world.events('recipient:deferred')).toMatchObject([{ recipient: 'carol@rome.test' }])
  })

  it.each(['memory', 'the storage'])('in %s takes no address whose time was over', async place => {
    const storage = memoryStorage()
    const stored = storedSuppressionList({ storage })
    const inMemory = createSuppressionList()
    const list = place === 'memory' ? inMemory : stored
    const retry = Object.assign(() => ({ giveUp: true }) as const, {
      reconsider: () => ({ giveUp: true }) as const,
    })
    const suppression = { list, addHardBounces: true }
    await using world = await createQueueWorld(() => failed, { storage, retry, suppression })
    await world.send('bob@rome.test', '')
    await world.queue.idle()
    expect(world.events('recipient:failed')).toMatchObject([{ expired: true }])
    expect([...inMemory.list(), ...(await stored.list())]).toEqual([])
  })

  it('has the oldest first, and what is put on again among the newest', () => {
    const of = (address: string) => ({ address, reason: 'complained', addedAt: 0 })
    const list = createSuppressionList([of('a@rome.test'), of('b@rome.test')])
    list.add(of('A@rome.test'))
    expect(list.list().map(({ address }) => address)).toEqual(['b@rome.test', 'A@rome.test'])
  })

  it('forgets the oldest of more than a million', () => {
    const list = createSuppressionList()
    for (let index = 0; index <= 1_000_000; index++)
      list.add({ address: `user${index}@rome.test`, reason: '', addedAt: 0 })
    expect(list.find('user0@rome.test')).toBeUndefined()
    expect(list.find('user1@rome.test')).toBeDefined()
    expect(list.list()).toHaveLength(1_000_000)
  })

  it('that never answers is waited for no longer than a transport, and nothing is dialled after', async () => {
    let answer = () => {}
    const find = () => new Promise<undefined>(resolve => (answer = () => resolve(undefined)))
    const list = { find, add: () => {} }
    await using world = await createQueueWorld(() => delivered, {
      attemptTimeout: '10m',
      suppression: { list },
    })
    await world.send('bob@rome.test')
    await world.clock.advance('11m')
    expect(world.events('recipient:deferred')).toMatchObject([
      { attempt: { scope: 'local', reason: expect.stringContaining('took longer than 10 minutes') } },
    ])
    answer()
    await world.clock.settled()
    expect(world.transport.deliveries).toEqual([])
    expect(await world.queue.counts()).toMatchObject({ waiting: 1 })
  })
})

describe('a suppression list in the storage of the queue', () => {
  it('has a hard bounce from the commit on that settles it, for other processes too', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    const list = storedSuppressionList({ storage })
    const known: unknown[] = []
    faults.settle = async (real, settlement) => {
      const before = await list.find('bob@rome.test')
      const result = await real(settlement)
      known.push(before, await list.find('bob@rome.test'))
      return result
    }
    const script = (recipient: string) => (recipient === 'bob@rome.test' ? failed : delivered)
    await using world = await createQueueWorld(script, { storage, suppression: { addHardBounces: true } })
    const told: unknown[] = []
    world.queue.on('recipient:suppressed', event => told.push(event))
    await world.send('Bob@rome.test'.toLowerCase(), '')
    await world.queue.idle()
    const { address, reason, addedAt } = {
      address: 'bob@rome.test',
      reason: 'no such user',
      addedAt: world.clock.now(),
    }
    expect(known).toEqual([undefined, { address, reason, addedAt }])
    await world.clock.settled()
    expect(told).toMatchObject([{ recipient: address, reason }])

    await using other = await createQueueWorld(script, { storage, clock: world.clock, suppression: {} })
    await other.send('BOB@rome.test', '')
    await other.queue.idle()
    expect(other.transport.deliveries).toHaveLength(0)
  })

  it('takes addresses on and off, and lists them', async () => {
    const list = storedSuppressionList({ storage: memoryStorage() })
    for (const name of ['carol', 'Anna', 'bob']) {
      await list.add({ address: `${name}@rome.test`, reason: 'complained', addedAt: 5 })
    }
    expect(await list.find('ANNA@rome.test')).toEqual({
      address: 'Anna@rome.test',
      reason: 'complained',
      addedAt: 5,
    })
    expect(await list.find('dora@rome.test')).toBeUndefined()
    const names = async (query?: Parameters<typeof list.list>[0]) =>
      (await list.list(query)).map(({ address }) => address)
    expect(await names()).toEqual(['Anna@rome.test', 'bob@rome.test', 'carol@rome.test'])
    expect(await names({ after: 'Anna@rome.test', limit: 1 })).toEqual(['bob@rome.test'])
    expect(await list.remove('BOB@rome.test')).toBe(true)
    expect(await list.remove('bob@rome.test')).toBe(false)
    expect(await names()).toHaveLength(2)
    await expect(list.find('nobody')).rejects.toMatchObject({ code: 'ADDRESS_INVALID' })
  })
})

describe('hold rules', () => {
  it.each([
    [{ sender: 'alice@paris.test' }, true],
    [{ sender: 'paris.test' }, true],
    [{ sender: 'paris.test', recipient: 'oslo.test' }, false],
    [{ recipient: 'ROME.test' }, true],
    [{ recipient: 'bob@rome.test' }, true],
    [{ sender: '' }, false],
  ])('hold mail by %j: %s', async (rule, held) => {
    await using world = await createQueueWorld(() => delivered, { hold: [rule] })
    const { entries } = await world.send('bob@rome.test')
    await world.queue.idle()
    expect(await world.queue.counts()).toMatchObject({ held: held ? 1 : 0 })
    expect(world.events('entry:held')).toHaveLength(held ? 1 : 0)
    if (!held) return
    await world.queue.release(entries)
    await world.queue.idle()
    expect(world.events('recipient:delivered')).toHaveLength(1)
  })

  it('hold mail from the null sender where they name it', async () => {
    await using world = await createQueueWorld(() => delivered, { hold: [{ sender: '' }] })
    await world.send('bob@rome.test', '')
    await world.queue.idle()
    expect(await world.queue.counts()).toMatchObject({ held: 1 })
  })

  it('mean a domain whether written in U-labels or A-labels, and are refused where they mean none', async () => {
    const rules = [{ recipient: 'Bücher.test' }, { sender: 'Alice@bücher.test' }]
    await using world = await createQueueWorld(() => delivered, { hold: rules })
    await world.send('bob@xn--bcher-kva.test')
    await world.send('bob@rome.test', 'alice@bücher.test')
    await world.send('bob@rome.test', 'carol@bücher.test')
    await world.queue.idle()
    expect(await world.queue.counts()).toMatchObject({ held: 2 })
    await expect(createQueueWorld(undefined, { hold: [{ recipient: 'a b' }] })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
  })

  it('may be a function, which holds what it throws at', async () => {
    await using world = await createQueueWorld(() => delivered, {
      hold: ({ recipient, destination }) => {
        if (recipient.startsWith('carol')) throw new Error('a mistake')
        return destination === 'oslo.test'
      },
    })
    await world.send(['bob@rome.test', 'bob@oslo.test', 'carol@rome.test'])
    await world.queue.idle()
    expect(world.events('recipient:delivered')).toMatchObject([{ recipient: 'bob@rome.test' }])
    expect(await world.queue.counts()).toMatchObject({ held: 2 })
    expect(world.events('queue:error')).toHaveLength(1)
  })

  it.each([
    ['false', () => Promise.resolve(false)],
    ['an error', () => Promise.reject(new Error('no database'))],
  ])('hold what a function answers later, %s, and say that it must not', async (_, hold) => {
    await using world = await createQueueWorld(() => delivered, { hold: hold as never })
    await world.send('bob@rome.test')
    await world.queue.idle()
    expect(await world.queue.counts()).toMatchObject({ held: 1 })
    expect(world.events('queue:error')).toMatchObject([{ error: { code: 'DRIVER_CONTRACT' } }])
  })
})

describe('what the operator sees', () => {
  it('is every attempt, with the last', async () => {
    let attempts = 0
    await using world = await createQueueWorld(() => (++attempts < 3 ? deferred : delivered))
    await world.send('bob@rome.test')
    await world.clock.advance('2h')
    const [event] = world.events('recipient:delivered')
    expect(event?.history.map(({ status }) => status)).toEqual(['deferred', 'deferred', 'delivered'])
    expect(event?.history.at(-1)).toEqual(event?.attempt)
  })

  it('is the queue by state, age and destination', async () => {
    await using world = await createQueueWorld(recipient =>
      recipient.endsWith('rome.test') ? deferred : { ...deferred, reason: 'full' },
    )
    await world.send(['a@rome.test', 'b@rome.test', 'c@oslo.test'])
    await world.clock.advance('5h')
    const { entries } = await world.send('d@bern.test')
    await world.queue.idle()
    await world.queue.hold(entries)
    const now = world.clock.now()
    const statistics = await world.queue.statistics({ destinations: 2 })
    expect(statistics).toMatchObject({
      waiting: 3,
      held: 1,
      oldestQueuedAt: now - 5 * hour,
      ages: [1, 0, 3, 0, 0, 0],
      destinations: [
        { destination: 'rome.test', total: 2, waiting: 2, lastReason: 'nobody at home' },
        { destination: 'oslo.test', total: 1, lastReason: 'full' },
      ],
      otherDestinations: 1,
    })
    expect(statistics.nextAttemptAt).toBeGreaterThan(now)
    expect(statistics.nextAttemptAt).toBeLessThan(now + 30 * minute)
  })

  it('is the queue by site, also where nothing was tried since the start', async () => {
    const storage = memoryStorage()
    const before = await createQueueWorld(() => deferred, { storage })
    await before.send(['a@rome.test', 'b@rome.test', 'c@ostia.test', 'd@oslo.test'])
    await before.clock.advance('1h')
    await before.queue.close()
    await using world = await createQueueWorld(() => deferred, { storage, clock: before.clock })
    world.transport.site = async destination => {
      if (destination === 'oslo.test') throw new Error('no idea')
      return 'mx.italy.test'
    }
    world.queue.pause()
    const { sites } = await world.queue.statistics()
    const counts = { leased: 0, held: 0, dead: 0, lastReason: 'nobody at home' }
    const oldestQueuedAt = world.clock.now() - hour
    expect(sites).toMatchObject([
      { ...counts, site: 'mx.italy.test', destinations: 2, total: 3, waiting: 3, oldestQueuedAt },
      { ...counts, site: 'oslo.test', destinations: 1, total: 1, waiting: 1, oldestQueuedAt },
    ])
    const next = await world.storage.queue.nextDue()
    expect(Math.min(...sites.map(({ nextAttemptAt = 0 }) => nextAttemptAt))).toBe(next)
  })

  it.each([-1, 1.5, Number.NaN, 10_001, '5'])(
    'is of no more than 10,000 destinations: not %s',
    async many => {
      await using world = await createQueueWorld()
      await expect(world.queue.statistics({ destinations: many as never })).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringContaining('statistics: destinations'),
      })
      expect(await world.queue.statistics({ destinations: 0 })).toMatchObject({ destinations: [], sites: [] })
    },
  )

  it('is a queue that drained, and goes on when it is told to', async () => {
    let end = () => {}
    await using world = await createQueueWorld(
      () =>
        new Promise(resolve => {
          end = () => resolve(delivered)
        }),
    )
    await world.send('bob@rome.test')
    await world.clock.settled()
    const early = world.queue.drain({ grace: '1s' })
    await world.clock.advance('2s')
    expect(await early).toBe(false)
    const draining = world.queue.drain({ grace: '1h' })
    end()
    expect(await draining).toBe(true)
    await world.send('carol@rome.test')
    await world.clock.settled()
    expect(world.transport.deliveries).toHaveLength(1)
    world.queue.resume()
    await world.clock.settled()
    expect(world.transport.deliveries).toHaveLength(2)
    end()
  })

  it('is mail handed back that the close of the queue cut short', async () => {
    const world = await createQueueWorld((_, __, signal) => {
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('cut')))
      })
    })
    const { entries } = await world.send('bob@rome.test')
    await world.clock.settled()
    await world.queue.close({ grace: 0 })
    const entry = await world.storage.queue.get(entries[0] ?? '')
    expect(entry).toMatchObject({ state: 'waiting', attempts: 0, history: [], dueAt: world.clock.now() })
  })
})
