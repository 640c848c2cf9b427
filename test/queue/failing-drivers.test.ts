import { describe, expect, it } from 'vitest'
import { MailError } from '../../src/core/error.js'
import type { Router } from '../../src/routing/router.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { faultyStorage } from './faulty-storage.js'
import { type Answer, createQueueWorld, deferred, delivered, failed, minute } from './queue-world.js'

const broken = (what: string) => () => Promise.reject(new Error(`${what} is broken`))

describe('a driver that fails', () => {
  it('stops no leasing: the queue goes on once storage answers again', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(() => delivered, { storage })
    faults.lease = broken('lease')
    await world.send('bob@rome.test')
    await world.clock.advance('10m')
    expect(world.events('queue:error')[0]).toMatchObject({
      during: 'looking for due entries',
      error: { message: 'lease is broken' },
    })
    // With a wait that grows to a minute, not in a tight loop.
    expect(world.events('queue:error').length).toBeGreaterThan(5)
    expect(world.events('queue:error').length).toBeLessThan(25)
    delete faults.lease
    await world.clock.advance('1m')
    expect(world.events('recipient:delivered')).toHaveLength(1)
  })

  it.each([
    ['nothing', () => undefined],
    ['a string', () => 'entries'],
  ])('in what lease answers, %s, is told of', async (_, answer) => {
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(() => delivered, { storage })
    faults.lease = (async () => answer()) as never
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.events('queue:error')[0]?.error).toMatchObject({ code: 'DRIVER_CONTRACT' })
    delete faults.lease
    await world.clock.advance('2m')
    expect(world.events('recipient:delivered')).toHaveLength(1)
  })

  it('in settle is asked again, so that what was delivered is not delivered again', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(() => delivered, { storage })
    faults.settle = broken('settle')
    await world.send('bob@rome.test')
    await world.clock.advance('3m')
    expect(world.events('queue:error').every(event => event.during === 'settling an attempt')).toBe(true)
    expect(world.events('recipient:delivered')).toEqual([])
    delete faults.settle
    await world.clock.advance('1m')
    expect(world.events('recipient:delivered')).toHaveLength(1)
    expect(world.transport.deliveries).toHaveLength(1)
    expect(await world.queue.list()).toEqual([])
  })

  it('in settle is asked at intervals that grow to half a minute', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(() => delivered, { storage })
    faults.settle = broken('settle')
    await world.send('bob@rome.test')
    await world.clock.advance('2m')
    const times = world.times('queue:error').map(time => time / 1_000)
    expect(times).toEqual([0, 1, 3, 7, 15, 31, 61, 91])
  })

  it('in settle for longer than a lease, and slow to renew it, ends the renewals with the attempt', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(() => delivered, { storage, lease: '30s' })
    faults.settle = broken('settle')
    let reply = () => {}
    faults.renew = (real, ...renewal) =>
      new Promise(resolve => {
        reply = () => resolve(real(...renewal))
      })
    await world.send('bob@rome.test')
    await world.clock.advance('29s')
    faults.lease = async () => []
    await world.clock.advance('10s')
    delete faults.renew
    delete faults.settle
    reply()
    await world.clock.settled()
    delete faults.lease
    await world.clock.advance('2m')
    expect(world.events('recipient:delivered')).toHaveLength(1)
    expect(world.events('lease:lost')).toEqual([])
  })

  it('in settle for longer than a lease leaves the entry to be attempted again', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(() => delivered, { storage })
    faults.settle = broken('settle')
    await world.send('bob@rome.test')
    await world.clock.advance('6m')
    delete faults.settle
    await world.clock.advance('1h')
    expect(world.events('recipient:delivered')).toHaveLength(1)
    expect(world.transport.deliveries.length).toBe(2)
    expect(await world.queue.list()).toEqual([])
  })

  it('in storing a bounce does not keep the delivered from leaving', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(
      recipient => (recipient === 'a@rome.test' ? delivered : failed),
      {
        storage,
      },
    )
    faults.settle = (real, settlement) => (settlement.accept ? broken('the disk')() : real(settlement))
    await world.send(['a@rome.test', 'b@rome.test'])
    await world.clock.settled()
    expect(world.events('recipient:delivered')).toHaveLength(1)
    expect((await world.queue.list()).map(entry => entry.recipient.address)).toEqual(['b@rome.test'])
    delete faults.settle
    await world.clock.advance('1h')
    expect(world.events('dsn:sent')).toMatchObject([{ recipients: ['b@rome.test'] }])
  })

  it.each([
    ['relayed', false],
    ['delivered', true],
  ])('in storing the news of success, %s, lets the mail leave without them', async (_, final) => {
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(() => ({ ...delivered, final }), { storage })
    faults.settle = (real, settlement) => (settlement.accept ? broken('the disk')() : real(settlement))
    const recipients = [{ address: 'bob@rome.test', notify: ['success' as const] }]
    await world.queue.send({ raw: '\r\n', envelope: { sender: 'alice@paris.test', recipients } })
    await world.clock.advance('20m')
    expect(world.events('recipient:delivered')).toHaveLength(1)
    expect(world.events('dsn:sent')).toEqual([])
    expect(world.transport.deliveries).toHaveLength(1)
    expect(await world.queue.list()).toEqual([])
  })

  it('in settle that names no lease as lost is told of, and asked again', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(() => delivered, { storage })
    faults.settle = async () => ({ settled: false, lost: ['another'] })
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.events('queue:error')[0]?.error).toMatchObject({ code: 'DRIVER_CONTRACT' })
    delete faults.settle
    await world.clock.advance('1m')
    expect(world.events('recipient:delivered')).toHaveLength(1)
  })

  it('in renewing is asked again before the lease runs out', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(() => new Promise(() => {}), { storage })
    let renewals = 0
    faults.renew = () => {
      renewals++
      return broken('renew')()
    }
    await world.send('bob@rome.test')
    await world.clock.advance('299s')
    expect(renewals).toBeGreaterThan(5)
    expect(world.events('queue:error').map(event => event.during)).toContain('renewing leases')
  })

  it('in settle, while an entry is dropped, tells of the others only', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(() => delivered, { storage })
    faults.settle = broken('settle')
    const { entries } = await world.send(['a@rome.test', 'b@rome.test'])
    await world.clock.settled()
    await world.queue.drop(entries[0] ?? '')
    await world.clock.advance('2m')
    delete faults.settle
    await world.clock.advance('1m')
    expect(world.events('lease:lost')).toMatchObject([{ entries: [entries[0]] }])
    expect(world.events('recipient:delivered').map(event => event.recipient)).toEqual(['b@rome.test'])
  })

  it('in opening a message defers it', async () => {
    const { storage, blobFaults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(() => delivered, { storage })
    blobFaults.open = broken('the disk')
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.events('recipient:deferred')).toMatchObject([
      { attempt: { scope: 'local', reason: 'the message cannot be read now: the disk is broken' } },
    ])
    delete blobFaults.open
    await world.clock.advance('15m')
    expect(world.events('recipient:delivered')).toHaveLength(1)
  })

  it.each([
    ['missing', async () => undefined, 'the message is missing'],
    [
      'damaged',
      async () => ({ size: 3, open: async function* () {} }),
      'the message is damaged: it has 3 octets',
    ],
  ])('leaves an entry whose message is %s to the operator', async (_, open, problem) => {
    const { storage, blobFaults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(() => delivered, { storage })
    blobFaults.open = open as never
    const { entries } = await world.send('bob@rome.test')
    await world.clock.advance('40h')
    expect(world.transport.deliveries).toEqual([])
    expect(await world.queue.get(entries[0] ?? '')).toMatchObject({
      state: 'dead',
      problem: expect.stringContaining(problem),
    })
    expect(world.events('entry:dead')).toMatchObject([{ entry: entries[0] }])
    delete blobFaults.open
    await world.queue.release(entries)
    await world.clock.settled()
    expect(world.events('recipient:delivered')).toHaveLength(1)
  })

  it('as the router, keeps what is to be returned until it can be', async () => {
    let isBroken = true
    const router: Router = {
      isLocal: () => false,
      route: async recipient => {
        if (isBroken && recipient.startsWith('alice')) throw new Error('accounts are down')
        return { kind: 'accept', local: [], remote: [recipient], relay: true }
      },
    }
    await using world = await createQueueWorld(
      recipient => (recipient === 'bob@rome.test' ? failed : delivered),
      {
        router,
      },
    )
    await world.send('bob@rome.test')
    await world.clock.advance('12m')
    expect(world.events('recipient:failed')).toEqual([])
    expect(world.events('recipient:deferred').map(event => event.attempt.status)).toEqual([
      'failed',
      'failed',
      'failed',
    ])
    isBroken = false
    await world.clock.advance('5m')
    expect(world.events('dsn:sent')).toMatchObject([{ kind: 'failed', to: 'alice@paris.test' }])
    expect(await world.queue.list()).toEqual([])
  })

  it('as the router that never answers, holds up no attempt', async () => {
    const router: Router = {
      isLocal: () => false,
      route: recipient =>
        recipient.startsWith('alice')
          ? new Promise(() => {})
          : Promise.resolve({ kind: 'accept', local: [], remote: [recipient], relay: true }),
    }
    await using world = await createQueueWorld(() => failed, { router })
    await world.send('bob@rome.test')
    await world.clock.advance('2m')
    expect(world.events('queue:error')).toMatchObject([
      { during: 'composing a DSN (failed)', error: { code: 'TIMEOUT' } },
    ])
    expect(await world.queue.counts()).toEqual({ waiting: 1, leased: 0, held: 0, dead: 0 })
  })

  it('as the router that takes the sender for no address, ends the bounce', async () => {
    const router: Router = {
      isLocal: () => false,
      route: async recipient => {
        if (recipient.startsWith('alice')) throw new MailError('ADDRESS_INVALID', 'no address')
        return { kind: 'accept', local: [], remote: [recipient], relay: true }
      },
    }
    await using world = await createQueueWorld(() => failed, { router })
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.events('dsn:suppressed')).toHaveLength(1)
    expect(await world.queue.list()).toEqual([])
  })

  it.each([
    ['throws', () => Promise.reject(new Error('no route'))],
    [
      'throws at once',
      () => {
        throw new Error('no route')
      },
    ],
    ['answers nothing', async () => undefined],
    ['answers a string', async () => 'delivered'],
    [
      'answers nonsense',
      async () => [null, 7, {}, { recipient: 'bob@rome.test', status: 'fine', scope: 'host', reason: 'x' }],
    ],
  ])('as a transport that %s, defers', async (_, deliver) => {
    await using world = await createQueueWorld()
    world.transport.deliver = deliver as never
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.events('recipient:deferred')).toMatchObject([
      { attempt: { scope: 'local', status: 'deferred' }, attempts: 1 },
    ])
    expect(await world.queue.list()).toMatchObject([{ state: 'waiting' }])
  })

  it('as a transport that says more than its contract has, loses no outcome', async () => {
    const more: Record<string, unknown> = { socket: { bytes: 7n }, reply: { code: 250, text: 'OK', at: 7n } }
    more['self'] = more
    await using world = await createQueueWorld(() => ({ ...delivered, ...more }) as Answer, {
      history: { keep: '1d' },
    })
    await world.send('bob@rome.test')
    await world.queue.idle()
    expect(world.events('queue:error')).toEqual([])
    expect(world.events('recipient:delivered')[0]?.attempt).toEqual({
      ...{ startedAt: world.clock.now(), endedAt: world.clock.now() },
      ...{ status: 'delivered', scope: 'recipient', reason: 'taken' },
      reply: { code: 250, text: 'OK' },
    })
  })

  it.each([
    ['NaN as the time to wait', { retryAfter: Number.NaN }],
    ['a reply without a code', { reply: { text: 'Later' } }],
    ['a reply without a text', { reply: { code: 450 } }],
    ['a name that is none', { host: 7, tls: true }],
  ])('as a transport that tells %s, is not believed in that', async (_, facts) => {
    await using world = await createQueueWorld(() => ({ ...deferred, ...facts }) as Answer)
    await world.send('bob@rome.test')
    await world.queue.idle()
    expect(world.events('queue:error')).toEqual([])
    expect(world.events('recipient:deferred')).toMatchObject([{ retryAt: world.clock.now() + 15 * minute }])
    expect(Object.keys(world.events('recipient:deferred')[0]?.attempt ?? {}).toSorted()).toEqual([
      'endedAt',
      'reason',
      'scope',
      'startedAt',
      'status',
    ])
  })

  it('as a transport that tells a long story with control characters, is cut short', async () => {
    const reason = `\u001b[2J${'x'.repeat(5_000)}`
    await using world = await createQueueWorld(() => ({ ...deferred, reason }))
    await world.send('bob@rome.test')
    await world.queue.idle()
    const told = world.events('recipient:deferred')[0]?.attempt.reason ?? ''
    expect(told).toMatch(/^\\\S+\[2Jx+$/)
    expect(told.length).toBeLessThan(2_010)
  })

  it.each([{ scope: 'planet' }, { scope: undefined }, { reason: 7 }, { recipient: 7 }])(
    'as a transport whose outcome has %j, defers',
    async wrong => {
      await using world = await createQueueWorld()
      const outcome = {
        recipient: 'bob@rome.test',
        status: 'delivered',
        scope: 'host',
        reason: 'x',
        ...wrong,
      }
      world.transport.deliver = (async () => [outcome]) as never
      await world.send('bob@rome.test')
      await world.clock.settled()
      expect(world.events('recipient:deferred')).toMatchObject([{ attempt: { scope: 'local' } }])
    },
  )

  it('as a transport that never answers, is cut after its time and a little', async () => {
    await using world = await createQueueWorld(() => new Promise(() => {}), { attemptTimeout: '10m' })
    await world.send('bob@rome.test')
    await world.clock.advance('10m')
    expect(world.events('recipient:deferred')).toEqual([])
    await world.clock.advance('30s')
    expect(world.events('recipient:deferred')).toMatchObject([{ attempt: { scope: 'local' } }])
  })

  it('as a transport that never answers, is not waited for anew when it is told to end once more', async () => {
    const never = () => new Promise<never>(() => {})
    await using world = await createQueueWorld(never, { attemptTimeout: '10m', lease: '30s' })
    const { entries } = await world.send('bob@rome.test')
    await world.clock.advance('10m')
    let idle = false
    void world.queue.idle().then(() => {
      idle = true
    })
    // A renewal tells of the loss, and the attempt is told to end.
    await world.queue.drop(entries)
    await world.clock.advance('29s')
    expect(world.events('lease:lost')).toHaveLength(1)
    expect(idle).toBe(false)
    await world.clock.advance('2s')
    expect(idle).toBe(true)
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no plan')
      },
    ],
    ['answers nothing', () => undefined],
    ['answers NaN', () => ({ retryAt: Number.NaN })],
    ['answers never', () => ({ retryAt: Number.POSITIVE_INFINITY })],
    ['answers a date', () => ({ retryAt: new Date() })],
    ['answers what no storage could keep', () => ({ retryAt: 1e300 })],
  ])('as a retry policy that %s, has the entry wait a quarter of an hour', async (_, retry) => {
    await using world = await createQueueWorld(() => deferred, { retry: retry as never })
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.events('queue:error')).toMatchObject([{ during: 'asking the retry policy' }])
    expect(world.events('recipient:deferred')).toMatchObject([{ retryAt: world.clock.now() + 15 * minute }])
  })

  it('as a retry policy that throws over a refusal, leaves it one', async () => {
    const retry = Object.assign(() => ({ retryAt: Number.MAX_SAFE_INTEGER }), {
      reconsider() {
        throw new Error('no plan')
      },
    })
    await using world = await createQueueWorld(() => failed, { retry })
    await world.send('bob@rome.test', '')
    await world.clock.settled()
    expect(world.events('queue:error')).toMatchObject([{ during: 'asking the retry policy' }])
    expect(world.events('recipient:failed')).toMatchObject([{ expired: false, attempts: 1 }])
  })

  it('as a retry policy that answers the past, cannot make the queue spin', async () => {
    const later: Answer = { ...deferred, scope: 'recipient' }
    await using world = await createQueueWorld(() => later, { retry: () => ({ retryAt: 0 }) })
    await world.send('bob@rome.test')
    await world.clock.advance('10s')
    expect(world.transport.deliveries).toHaveLength(11)
  })

  it('as a listener, disturbs nothing', async () => {
    await using world = await createQueueWorld()
    world.queue.on('recipient:delivered', () => {
      throw new Error('listener')
    })
    world.queue.on('attempt:started', () => Promise.reject(new Error('listener')))
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.events('recipient:delivered')).toHaveLength(1)
  })

  it('shows the app one clear error', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(() => delivered, { storage })
    faults.list = broken('list')
    await expect(world.queue.list()).rejects.toMatchObject({ code: 'STORAGE_FAILED', temporary: true })
    storage.accept = broken('accept')
    await expect(world.send('bob@rome.test')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  })
})
