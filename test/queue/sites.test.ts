import { describe, expect, it } from 'vitest'
import { MailError } from '../../src/core/error.js'
import type { DeliveryQueueOptions } from '../../src/queue/options.js'
import { retryByReply } from '../../src/queue/retry/retry-by-reply.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { faultyStorage } from './faulty-storage.js'
import {
  type Answer,
  createQueueWorld,
  deferred,
  delivered,
  hour,
  minute,
  type Script,
} from './queue-world.js'

const noDns = new MailError('LOOKUP_FAILED', 'no answer', { temporary: true })
const forever = () => new Promise<never>(() => {})

/** A queue whose transport takes every `*.hosted.test` for one site. */
async function createSites(script: Script, options: Partial<DeliveryQueueOptions> = {}) {
  const world = await createQueueWorld(script, options)
  const asked: string[] = []
  world.transport.site = async destination => {
    asked.push(destination)
    return destination.endsWith('.hosted.test') ? 'mx.hosted.test' : undefined
  }
  return { ...world, asked, [Symbol.asyncDispose]: world[Symbol.asyncDispose] }
}

type World = Awaited<ReturnType<typeof createSites>>

async function sendMany(
  world: World,
  count: number,
  destination: (index: number) => string,
  sender?: string,
) {
  world.queue.pause()
  for (let index = 0; index < count; index++) await world.send(`user${index}@${destination(index)}`, sender)
  world.queue.resume()
  await world.clock.settled()
}

/** How many of `times`, ascending, lie in the span of `per` that has most. */
function busiest(times: readonly number[], per: number): number {
  return Math.max(
    0,
    ...times.map((from, index) => times.slice(index).filter(time => time < from + per).length),
  )
}

describe('a site', () => {
  it('has one limit for all destinations that share its mail exchangers', async () => {
    await using world = await createSites(forever, { concurrency: { perSite: 4 } })
    await sendMany(world, 40, index => `d${index}.hosted.test`)
    expect(world.transport.deliveries).toHaveLength(4)
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.transport.deliveries.at(-1)?.destination).toBe('rome.test')
    expect(await world.queue.counts()).toMatchObject({ leased: 4 + 4 + 1 })
  })

  it('is looked up once for many messages, and again when the answer may be out of date', async () => {
    await using world = await createSites(() => delivered)
    await sendMany(world, 30, () => 'a.hosted.test')
    expect(world.asked).toEqual(['a.hosted.test'])
    await world.clock.advance('6m')
    await world.send('bob@a.hosted.test')
    await world.clock.settled()
    expect(world.asked).toHaveLength(2)
  })

  it('is not looked up for statistics where it is known', async () => {
    await using world = await createSites(() => deferred)
    await sendMany(world, 2, index => `d${index}.hosted.test`)
    world.asked.length = 0
    const { sites } = await world.queue.statistics()
    expect(sites).toMatchObject([{ site: 'mx.hosted.test', destinations: 2 }])
    expect(world.asked).toEqual([])
  })

  it('is the destination itself where the transport fails to say', async () => {
    await using world = await createSites(() => delivered)
    world.transport.site = () => Promise.reject(new Error('no idea'))
    await sendMany(world, 2, () => 'rome.test')
    expect(world.events('recipient:delivered')).toHaveLength(2)
    expect(world.events('queue:error')).toMatchObject([{ during: 'looking up a site' }])
  })

  it('stays the one it was while DNS fails', async () => {
    await using world = await createSites(forever, { concurrency: { perSite: 4 } })
    await sendMany(world, 30, index => `d${index}.hosted.test`)
    await world.clock.advance('6m')
    world.transport.site = () => Promise.reject(noDns)
    await sendMany(world, 30, index => `d${index}.hosted.test`)
    expect(world.transport.deliveries).toHaveLength(4)
    expect(world.queue.sites().map(({ site }) => site)).toEqual(['mx.hosted.test'])
    expect(world.events('queue:error')).toEqual([])
  })

  it('is asked for again in seconds where DNS failed and none is known', async () => {
    await using world = await createSites(() => delivered)
    const { site } = world.transport
    world.transport.site = () => Promise.reject(noDns)
    await sendMany(world, 1, () => 'a.hosted.test')
    expect(world.queue.sites().map(one => one.site)).toEqual(['a.hosted.test'])
    if (site) world.transport.site = site
    await world.clock.advance('31s')
    await sendMany(world, 1, () => 'a.hosted.test')
    expect(world.queue.sites().map(one => one.site)).toEqual(['mx.hosted.test'])
  })

  it.each([
    ['delivers', { status: 'delivered', scope: 'recipient' }, {}],
    ['fails', { status: 'deferred', scope: 'host' }, {}],
    ['has a rate', { status: 'delivered', scope: 'recipient' }, { rate: { messages: 5, per: '5m' } }],
  ] as const)('that %s is forgotten when its destination has another', async (_, answer, perSite) => {
    await using world = await createSites(() => ({ ...answer, reason: 'so it is' }), { limits: { perSite } })
    let number = 0
    world.transport.site = async () => `mx${number++}.test`
    for (let round = 0; round < 20; round++) {
      for (let message = 0; message < 4; message++) await world.send('bob@rome.test')
      await world.clock.advance('20m')
    }
    expect(number).toBeGreaterThan(15)
    expect(world.queue.sites().length).toBeLessThanOrEqual(2)
  })

  it('is forgotten when its last attempt ends, after its destination has another', async () => {
    const waiting: (() => void)[] = []
    const script = () => new Promise<Answer>(resolve => waiting.push(() => resolve(delivered)))
    await using world = await createSites(script)
    let number = 0
    world.transport.site = async () => `mx${number++}.test`
    for (let round = 0; round < 3; round++) {
      await world.send('bob@rome.test')
      await world.clock.advance('6m')
    }
    expect(world.queue.sites()).toHaveLength(3)
    for (const answer of waiting.splice(0)) answer()
    await world.clock.settled()
    expect(world.queue.sites().map(({ site }) => site)).toEqual(['mx2.test'])
  })

  it('begins with few attempts, and gets more as they succeed', async () => {
    const waiting: (() => void)[] = []
    const script = () => new Promise<Answer>(resolve => waiting.push(() => resolve(delivered)))
    await using world = await createSites(script, { concurrency: { start: 2, perSite: 4 } })
    await sendMany(world, 60, () => 'a.hosted.test')
    const seen: number[] = []
    while (waiting.length > 0) {
      seen.push(waiting.length)
      for (const answer of waiting.splice(0)) answer()
      await world.clock.settled()
    }
    expect(seen.slice(0, 5)).toEqual([2, 3, 4, 4, 4])
    expect(world.events('recipient:delivered')).toHaveLength(60)
  })

  it('gets less after an error of its host', async () => {
    let hangUp = false
    const waiting: (() => void)[] = []
    const script = () =>
      new Promise<Answer>(resolve => waiting.push(() => resolve(hangUp ? deferred : delivered)))
    await using world = await createSites(script, { concurrency: { start: 8 } })
    await sendMany(world, 60, () => 'a.hosted.test')
    expect(waiting).toHaveLength(8)
    expect(world.queue.sites()).toMatchObject([{ active: 8, concurrency: 8 }])
    hangUp = true
    waiting.shift()?.()
    hangUp = false
    await world.clock.settled()
    for (const answer of waiting.splice(0)) answer()
    await world.clock.settled()
    expect(waiting.length).toBe(5)
  })

  it('gets less when it asks for that, and no more before it takes mail again', async () => {
    const tooFast = { code: 451, enhanced: '4.7.28', text: 'Unusual rate of mail' }
    let answer: Answer = { status: 'deferred', scope: 'recipient', reply: tooFast }
    const waiting: (() => void)[] = []
    const script = () => new Promise<Answer>(resolve => waiting.push(() => resolve(answer)))
    await using world = await createSites(script, { concurrency: { start: 8 }, retry: retryByReply() })
    await sendMany(world, 60, () => 'a.hosted.test')
    const seen: number[] = []
    for (let round = 0; round < 5; round++) {
      seen.push(waiting.length)
      if (round === 2) answer = delivered
      await world.clock.advance('1s')
      for (const end of waiting.splice(0)) end()
      await world.clock.settled()
    }
    expect(seen).toEqual([8, 4, 2, 3, 4])
    expect(world.queue.sites()[0]).not.toHaveProperty('suspendedUntil')
  })

  it('is put aside when it keeps failing: mail is deferred unseen, then one attempt probes', async () => {
    let up = false
    await using world = await createSites(() => (up ? delivered : deferred), {
      concurrency: { start: 3 },
      retry: ({ now }) => ({ retryAt: now + 20 * minute }),
    })
    const heard: string[] = []
    world.queue.on('site:suspended', ({ site, until }) => heard.push(`${site} ${until - world.clock.now()}`))
    world.queue.on('site:resumed', ({ site }) => heard.push(`${site} is back`))
    await sendMany(world, 30, index => `d${index}.hosted.test`)
    expect(world.transport.deliveries).toHaveLength(3)
    expect(heard).toEqual([`mx.hosted.test ${minute}`])
    const put = world.events('recipient:deferred').at(-1)?.attempt
    expect(put).toMatchObject({ scope: 'host', reason: expect.stringMatching(/^put off.*: nobody at home/) })
    expect(await world.queue.counts()).toMatchObject({ waiting: 30, leased: 0 })
    expect(world.queue.sites()).toMatchObject([
      {
        site: 'mx.hosted.test',
        destinations: expect.arrayContaining(['d0.hosted.test', 'd29.hosted.test']),
        active: 0,
        ready: 0,
        concurrency: 1,
        suspendedUntil: world.clock.now() + minute,
        lastFailure: { reason: 'nobody at home' },
      },
    ])

    await world.clock.advance(20 * minute)
    expect(world.transport.deliveries).toHaveLength(4)
    expect(heard.slice(1)).toEqual([`mx.hosted.test ${2 * minute}`])
    up = true
    await world.clock.advance(20 * minute)
    expect(world.events('recipient:delivered')).toHaveLength(30)
    expect(heard.slice(2)).toEqual(['mx.hosted.test is back'])
    expect(world.queue.sites()[0]).not.toHaveProperty('suspendedUntil')
  })

  it('that is put aside costs a message none of its attempts, and tells it nothing that was said to others', async () => {
    const reply = { code: 421, enhanced: '4.7.0', text: 'Too much from carol@paris.test' }
    const said = { reply, reason: 'it said 421 Too much from carol@paris.test', host: 'mx.hosted.test' }
    await using world = await createSites(
      () => ({ ...deferred, ...said, address: '192.0.2.1', command: 'EHLO', retryAfter: hour }),
      {
        concurrency: { start: 3 },
        retry: ({ now, attempt }) => ({ retryAt: now + attempt * 5 * minute, warn: true }),
      },
    )
    await sendMany(world, 3, index => `d${index}.hosted.test`)
    await world.send('bob@late.hosted.test')
    await world.clock.settled()
    const put = world
      .events('recipient:deferred')
      .find(({ recipient }) => recipient === 'bob@late.hosted.test')
    expect(put).toMatchObject({ attempts: 0, history: [], retryAt: world.clock.now() + 5 * minute })
    const { startedAt: _, endedAt: __, ...facts } = put?.attempt ?? {}
    const reason = 'put off, as the last attempts for this site failed: its server answered 421'
    expect(facts).toEqual({ status: 'deferred', scope: 'host', reason })
    const [entry] = await world.queue.list({ recipient: 'bob@late.hosted.test' })
    expect(entry).toMatchObject({ state: 'waiting', attempts: 0, history: [], warned: true })
  })

  it('that is put aside is dialled for a message that would return', async () => {
    let up = false
    await using world = await createSites(() => (up ? delivered : deferred), {
      concurrency: { start: 3 },
      retry: ({ now, queuedAt }) =>
        now - queuedAt < 55 * minute ? { retryAt: queuedAt + 55 * minute } : { giveUp: true },
    })
    for (let message = 0; message < 15; message++) {
      await world.send(`user${message}@a.hosted.test`)
      await world.clock.advance(message < 3 ? 0 : '3m')
    }
    await world.clock.advance('6m')
    await world.send('probe@a.hosted.test')
    await world.clock.advance('1m')
    up = true
    const until = world.queue.sites()[0]?.suspendedUntil ?? 0
    expect(until).toBeGreaterThan(world.clock.now() + 5 * minute)
    await world.clock.advance('13m')
    expect(world.events('recipient:failed')).toEqual([])
    expect(world.events('recipient:delivered').length).toBeGreaterThan(2)
  })

  it('that is put aside is dialled once a minute for many messages that would return', async () => {
    await using world = await createSites(() => deferred, {
      concurrency: { start: 3 },
      history: { keep: '1d' },
      retry: ({ now, queuedAt }) =>
        now - queuedAt < 55 * minute ? { retryAt: queuedAt + 55 * minute } : { giveUp: true },
    })
    await sendMany(world, 200, () => 'a.hosted.test', '')
    await world.clock.advance('50m')
    await sendMany(world, 1, () => 'a.hosted.test')
    await world.clock.advance('3m')
    world.transport.deliveries.length = 0
    await world.clock.advance('3m')
    const failed = world.events('recipient:failed')
    expect(failed).toHaveLength(200)
    const told = new Map(failed.map(({ entry, attempts, history }) => [entry, { attempts, history }]))
    const ended = await world.queue.history()
    expect(new Map(ended.map(({ id, attempts, history }) => [id, { attempts, history }]))).toEqual(told)
    expect(ended.some(({ history }) => history.length === 0)).toBe(true)
    expect(world.transport.deliveries.length).toBeGreaterThan(0)
    expect(world.transport.deliveries.length).toBeLessThan(5)
  })

  it('that is put aside waits by the attempts that were made, also for the third time', async () => {
    await using world = await createSites(() => deferred, {
      concurrency: { start: 3 },
      retry: ({ now, attempt }) => ({ retryAt: now + attempt * 20_000 }),
    })
    await sendMany(world, 3, index => `d${index}.hosted.test`)
    world.transport.deliveries.length = 0
    await world.clock.advance('45s')
    expect(world.transport.deliveries).toEqual([])
    expect(world.times('recipient:deferred')).toEqual([
      0, 0, 0, 20_000, 20_000, 20_000, 40_000, 40_000, 40_000,
    ])
    expect(world.events('recipient:deferred').every(({ attempts }) => attempts === 1)).toBe(true)
  })

  it('with most under way is told of first', async () => {
    await using world = await createSites(forever)
    await world.send('a@oslo.test')
    await sendMany(world, 3, index => `d${index}.hosted.test`)
    await world.send('a@bern.test')
    await world.clock.settled()
    const told = world.queue.sites().map(({ site, active }) => `${site} ${active}`)
    expect(told[0]).toBe('mx.hosted.test 3')
    expect(told.slice(1).toSorted()).toEqual(['bern.test 1', 'oslo.test 1'])
  })

  it('that is put aside is dialled for one message at a time', async () => {
    let hangs = false
    await using world = await createSites(() => (hangs ? forever() : deferred), {
      concurrency: { start: 3 },
      attemptTimeout: '10m',
      retry: ({ now, queuedAt }) =>
        now - queuedAt < 10 * minute ? { retryAt: now + 30_000 } : { giveUp: true },
    })
    await sendMany(world, 20, () => 'a.hosted.test', '')
    await world.clock.advance('8m')
    hangs = true
    world.transport.deliveries.length = 0
    await world.clock.advance('4m')
    expect(world.queue.sites()[0]?.suspendedUntil).toBeGreaterThan(world.clock.now())
    expect(world.transport.deliveries).toHaveLength(1)
  })

  it('that is put aside has no more than fifty messages put off at once', async () => {
    const { storage, blobFaults } = faultyStorage(memoryStorage())
    await using world = await createSites(() => deferred, {
      storage,
      concurrency: { start: 3 },
      retry: ({ now }) => ({ retryAt: now + hour }),
    })
    await sendMany(world, 3, index => `d${index}.hosted.test`)
    blobFaults.open = forever
    await sendMany(world, 200, index => `d${index}.hosted.test`)
    expect(world.queue.sites()[0]).toMatchObject({ active: 50, ready: 0 })
    expect(await world.queue.counts()).toMatchObject({ leased: 50 })
  })

  it('is nothing that a lease heeds while it is idle, has no limit of its own and no other destination', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    const heeded: string[][] = []
    faults.lease = (real, request) => {
      heeded.push((request.groups ?? []).map(({ destinations }) => [...destinations].sort().join(' ')))
      return real(request)
    }
    const rate = { messages: 5, per: minute }
    await using world = await createSites(name => (name.endsWith('@down.test') ? deferred : delivered), {
      storage,
      limits: { perSite: ({ site }) => (site === 'rated.test' ? { rate } : undefined) },
      retry: ({ now }) => ({ retryAt: now + hour }),
    })
    await sendMany(world, 40, index => `d${index}.plain.test`)
    for (const domain of ['a.hosted.test', 'b.hosted.test', 'rated.test', 'down.test']) {
      await sendMany(world, 5, () => domain)
    }
    await world.clock.settled()
    heeded.length = 0
    await world.send('bob@d1.plain.test')
    await world.clock.settled()
    expect(heeded[0]?.sort()).toEqual(['a.hosted.test b.hosted.test', 'down.test', 'rated.test'])
    expect(world.queue.sites()).toHaveLength(43)
  })

  it('is not blamed for what it says of a message or a recipient', async () => {
    await using world = await createSites(() => ({ ...deferred, scope: 'recipient' }))
    await sendMany(world, 40, index => `d${index}.hosted.test`)
    expect(world.transport.deliveries).toHaveLength(40)
  })
})

describe('rates', () => {
  it.each([
    ['a site', { perSite: { rate: { messages: 7, per: '1m' } } }, 7],
    ['a site, as a function', { perSite: () => ({ rate: { messages: 7, per: minute } }) }, 7],
    ['a sender', { perSender: { messages: 5, per: '1m' } }, 5],
    ['all', { total: { messages: 9, per: '1m' } }, 9],
  ] as const)('of %s hold in any span of time, and are used up', async (_, limits, most) => {
    await using world = await createSites(() => delivered, { limits })
    await sendMany(world, 50, index => `d${index % 3}.hosted.test`)
    await world.clock.advance('30m')
    const times = world.times('recipient:delivered')
    expect(times).toHaveLength(50)
    expect(busiest(times, minute)).toBe(most)
    expect(times.at(-1)).toBeLessThanOrEqual(Math.ceil(50 / most) * minute)
    expect(await world.queue.counts()).toEqual({ waiting: 0, leased: 0, held: 0, dead: 0 })
  })

  it('of one sender leave others alone', async () => {
    const perSender = (sender: string) =>
      sender === 'flood.test' ? ({ messages: 1, per: '1h' } as const) : undefined
    await using world = await createSites(() => delivered, { limits: { perSender } })
    await sendMany(world, 20, index => `d${index}.hosted.test`, 'list@flood.test')
    await sendMany(world, 20, index => `d${index}.hosted.test`, 'bob@calm.test')
    expect(world.events('recipient:delivered')).toHaveLength(21)
  })

  it('are for what is dialled, and not for what is put off', async () => {
    let up = false
    const rate = { messages: 4, per: '1h' } as const
    await using world = await createSites(() => (up ? delivered : deferred), {
      limits: { total: rate, perSite: { rate }, perSender: rate },
      concurrency: { start: 3 },
      retry: ({ now }) => ({ retryAt: now + 5 * hour }),
    })
    await sendMany(world, 20, () => 'a.hosted.test')
    expect(world.transport.deliveries).toHaveLength(3)
    up = true
    await world.clock.advance('2m')
    await world.send('bob@a.hosted.test')
    await world.clock.settled()
    expect(world.events('recipient:delivered')).toMatchObject([{ recipient: 'bob@a.hosted.test' }])
  })

  it('that a function gets wrong are none, and are told of', async () => {
    const limits = { perSite: () => ({ rate: 5 }) as never, perSender: () => 'much' as never }
    await using world = await createSites(() => delivered, { limits })
    await sendMany(world, 3, () => 'a.hosted.test')
    expect(world.events('recipient:delivered')).toHaveLength(3)
    expect(
      world
        .events('queue:error')
        .map(({ during }) => during)
        .sort(),
    ).toEqual(['asking for the limit of a sender', 'asking for the limits of a site'])
  })
})

describe('fairness', () => {
  it('leaves room for others when every attempt of one sender hangs', async () => {
    await using world = await createSites(
      (_, { envelope }) => (envelope.sender.endsWith('flood.test') ? forever() : delivered),
      { concurrency: { total: 20 } },
    )
    await sendMany(world, 500, index => `d${index}.test`, 'list@flood.test')
    expect(world.transport.deliveries).toHaveLength(18)
    await world.send('bob@rome.test', 'ann@calm.test')
    await world.clock.settled()
    expect(world.events('recipient:delivered')).toMatchObject([{ recipient: 'bob@rome.test' }])
  })

  it("lets a message in behind no more than what is leased of another's flood to the same site", async () => {
    const waiting: (() => void)[] = []
    const script = () => new Promise<Answer>(resolve => waiting.push(() => resolve(delivered)))
    await using world = await createSites(script, { concurrency: { start: 5, perSite: 5 } })
    await sendMany(world, 500, () => 'rome.test', 'list@flood.test')
    await world.send('bob@rome.test', 'ann@calm.test')
    for (let round = 0; round < 4; round++) {
      for (const answer of waiting.splice(0)) answer()
      await world.clock.settled()
    }
    expect(world.events('recipient:delivered').map(({ recipient }) => recipient)).toContain('bob@rome.test')
    expect(world.events('recipient:delivered').length).toBeLessThanOrEqual(20)
  })
})

describe('back-pressure', () => {
  it('leases no more than twice what may be under way', async () => {
    await using world = await createSites(forever, { concurrency: { total: 10 } })
    await sendMany(world, 300, index => `d${index}.test`)
    const { leased, waiting } = await world.queue.counts()
    expect(leased).toBeLessThanOrEqual(20)
    expect(leased + waiting).toBe(300)
  })

  it('gives back what waits for its turn when the queue is paused or closed', async () => {
    const world = await createSites(forever, { concurrency: { total: 10, perSite: 2 } })
    await sendMany(world, 30, () => 'a.hosted.test')
    expect(await world.queue.counts()).toMatchObject({ leased: 4 })
    world.queue.pause()
    await world.clock.settled()
    expect(await world.queue.counts()).toMatchObject({ leased: 2, waiting: 28 })
    world.queue.resume()
    await world.clock.settled()
    expect(await world.queue.counts()).toMatchObject({ leased: 4 })
    await world.queue.close({ grace: 0 })
    const entries = await world.storage.queue.list({ state: 'waiting' })
    expect(entries.filter(({ attempts }) => attempts === 0)).toHaveLength(28)
  })
})
