import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { readAll } from '../../src/message/sources.js'
import { exponentialBackoff } from '../../src/queue/retry/exponential-backoff.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { faultyStorage } from './faulty-storage.js'
import { type Answer, createQueueWorld, deferred, delivered, failed, minute } from './queue-world.js'

/** A script that answers when it is told to, or when its signal ends it. */
function onCommand() {
  const waiting: ((answer: Answer) => void)[] = []
  const script = (_: string, __: unknown, signal: AbortSignal) =>
    new Promise<Answer>(resolve => {
      waiting.push(resolve)
      signal.addEventListener('abort', () => resolve({ ...deferred, scope: 'local', reason: 'aborted' }))
    })
  return { script, answer: (answer: Answer) => waiting.shift()?.(answer), waiting }
}

/** What a reply of the storage waits for. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { open, opened }
}

/** Never answers, whatever its signal says: a process that died. */
const dead = () => new Promise<Answer>(() => {})

describe('leases', () => {
  it('are renewed for as long as an attempt lasts', async () => {
    const { script, answer } = onCommand()
    const storage = memoryStorage()
    const clock = createVirtualClock({ haltAfter: 5 })
    await using first = await createQueueWorld(script, { storage, clock })
    await using second = await createQueueWorld(() => delivered, { storage, clock })
    second.queue.pause()
    await first.send('bob@rome.test')
    await clock.settled()
    second.queue.resume()
    await clock.advance('1h')
    expect(second.transport.deliveries).toEqual([])
    answer(delivered)
    await clock.settled()
    expect(first.events('recipient:delivered')).toHaveLength(1)
    expect(await first.queue.list()).toEqual([])
  })

  it('run out when their process dies, and another queue takes over', async () => {
    const storage = memoryStorage()
    const clock = createVirtualClock({ haltAfter: 5 })
    const { storage: dying, faults } = faultyStorage(storage)
    await using first = await createQueueWorld(dead, { storage: dying, clock })
    const { entries } = await first.send('bob@rome.test')
    await clock.settled()
    faults.renew = () => new Promise(() => {})
    faults.lease = async () => []
    await using second = await createQueueWorld(() => delivered, { storage, clock })
    await clock.advance('4m')
    expect(second.transport.deliveries).toEqual([])
    await clock.advance('1m')
    expect(second.times('recipient:delivered')).toEqual([5 * minute])
    expect(second.transport.deliveries[0]?.attempt).toBe(2)
    expect(await second.queue.list()).toEqual([])
    expect(entries).toHaveLength(1)
  })

  it('that were lost are told of, their attempt is cut, and the others are settled', async () => {
    const { script } = onCommand()
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(
      (recipient, delivery, signal) =>
        recipient === 'b@rome.test' ? script(recipient, delivery, signal) : delivered,
      { storage },
    )
    const { entries } = await world.send(['a@rome.test', 'b@rome.test', 'c@rome.test'])
    await world.clock.settled()
    await world.queue.drop(entries[0] ?? '')
    // b is still waited for; the loss of a shows when the leases are settled.
    faults.renew = async () => []
    await world.clock.advance('2h')
    await world.clock.advance('1m')
    expect(world.events('lease:lost')).toMatchObject([{ entries: [entries[0]] }])
    expect(world.events('recipient:delivered').map(event => event.recipient)).toEqual(['c@rome.test'])
    expect(world.events('recipient:deferred').map(event => event.recipient)).toEqual(['b@rome.test'])
    expect((await world.queue.list()).map(entry => entry.id)).toEqual([entries[1]])
  })

  it('make a bounce leave out those whose lease was lost', async () => {
    const { script, answer } = onCommand()
    await using world = await createQueueWorld((recipient, delivery, signal) =>
      recipient === 'b@rome.test' ? script(recipient, delivery, signal) : failed,
    )
    const { entries } = await world.send(['a@rome.test', 'b@rome.test'])
    await world.clock.settled()
    await world.queue.drop(entries[0] ?? '')
    answer(failed)
    await world.clock.settled()
    expect(world.events('dsn:sent')).toMatchObject([{ kind: 'failed', recipients: ['b@rome.test'] }])
    expect(world.events('recipient:failed').map(event => event.recipient)).not.toContain('a@rome.test')
  })

  it('lost while storage fails make a bounce be composed anew, without those', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    const bounces: string[] = []
    await using world = await createQueueWorld(
      async (recipient, { message }) => {
        if (recipient !== 'alice@paris.test') return failed
        bounces.push((await readAll(message)).toString())
        return delivered
      },
      { storage },
    )
    faults.settle = () => Promise.reject(new Error('the disk is busy'))
    const { entries } = await world.send(['a@rome.test', 'b@rome.test'])
    await world.clock.settled()
    await world.queue.drop(entries[0] ?? '')
    // A renewal tells of the loss before the commit is tried again.
    await world.clock.advance('105s')
    expect(world.events('lease:lost')).toMatchObject([{ entries: [entries[0]] }])
    delete faults.settle
    await world.clock.advance('30s')
    expect(world.events('dsn:sent')).toMatchObject([{ kind: 'failed', recipients: ['b@rome.test'] }])
    expect(bounces.map(text => text.match(/^Final-Recipient:.*$/gm))).toEqual([
      ['Final-Recipient: rfc822; b@rome.test'],
    ])
  })

  it('survive a clock that jumps beyond them: no second delivery beside the first', async () => {
    const { script, answer } = onCommand()
    await using world = await createQueueWorld(script)
    await world.send('bob@rome.test')
    await world.clock.settled()
    world.clock.jump(10 * minute)
    await world.send('carol@oslo.test')
    await world.clock.settled()
    expect(world.transport.deliveries.map(delivery => delivery.destination)).toEqual([
      'rome.test',
      'oslo.test',
    ])
    answer(delivered)
    answer(delivered)
    await world.clock.settled()
    expect(world.events('recipient:delivered')).toHaveLength(2)
    expect(world.events('lease:lost')).toEqual([])
    expect(await world.queue.list()).toEqual([])
  })

  it('that were taken anew stay, whatever a renewal of the old ones says', async () => {
    const { script, answer } = onCommand()
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(script, { storage })
    await world.send('bob@rome.test')
    await world.clock.settled()
    let reply = () => {}
    faults.renew = (_, leases) =>
      new Promise(resolve => {
        reply = () => resolve(leases.map(lease => lease.id))
      })
    await world.clock.advance('100s')
    world.clock.jump(10 * minute)
    await world.send('carol@oslo.test')
    await world.clock.settled()
    delete faults.renew
    reply()
    await world.clock.settled()
    expect(world.events('lease:lost')).toEqual([])
    answer(delivered)
    await world.clock.settled()
    expect(world.events('recipient:delivered')).toMatchObject([{ recipient: 'bob@rome.test' }])
  })

  it('given back are let go of: what is leased anew before that is answered is attempted', async () => {
    const { script, answer } = onCommand()
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(script, { storage, concurrency: { perSite: 1 } })
    await world.send('bob@rome.test')
    await world.send('carol@rome.test')
    await world.clock.settled()
    const reply = gate()
    faults.giveBack = async (real, leases) => {
      await real(leases)
      await reply.opened
    }
    world.queue.pause()
    delete faults.giveBack
    world.queue.resume()
    await world.clock.settled()
    expect(await world.queue.counts()).toMatchObject({ leased: 2 })
    reply.open()
    answer(delivered)
    await world.clock.settled()
    answer(delivered)
    await world.clock.settled()
    expect(world.events('recipient:delivered').map(event => event.recipient)).toEqual([
      'bob@rome.test',
      'carol@rome.test',
    ])
  })

  it('are not told of as lost by a renewal that finds them settled', async () => {
    const { script, answer } = onCommand()
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(script, { storage })
    await world.send('bob@rome.test')
    await world.clock.advance('99s')
    const reply = gate()
    faults.settle = async (real, settlement) => {
      const result = await real(settlement)
      await reply.opened
      return result
    }
    answer(delivered)
    await world.clock.advance('2s')
    reply.open()
    await world.clock.settled()
    expect(world.events('recipient:delivered')).toHaveLength(1)
    expect(world.events('lease:lost')).toEqual([])
  })

  it('that are gone before they can be settled are told of by the settlement', async () => {
    const { script, answer } = onCommand()
    const { storage, faults } = faultyStorage(memoryStorage())
    await using world = await createQueueWorld(script, { storage })
    const { entries } = await world.send('bob@rome.test')
    await world.clock.advance('99s')
    const reply = gate()
    faults.settle = async (real, settlement) => {
      await reply.opened
      return real(settlement)
    }
    answer(delivered)
    await world.clock.settled()
    await storage.queue.drop(entries)
    await world.clock.advance('2s')
    reply.open()
    await world.clock.settled()
    expect(world.events('recipient:delivered')).toEqual([])
    expect(world.events('lease:lost')).toMatchObject([{ entries }])
  })

  it('taken anew on what was settled meanwhile go back, and where that fails the outcome is told all the same', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    const retry = ({ now }: { now: number }) => ({ retryAt: now + 1_000 })
    await using world = await createQueueWorld(() => deferred, { storage, retry })
    const reply = gate()
    faults.settle = async (real, settlement) => {
      const result = await real(settlement)
      await reply.opened
      return result
    }
    await world.send('bob@rome.test')
    await world.clock.advance('2s')
    expect(await world.queue.counts()).toMatchObject({ leased: 1 })
    faults.giveBack = () => Promise.reject(new Error('the disk is busy'))
    reply.open()
    await world.clock.settled()
    expect(world.events('recipient:deferred')).toHaveLength(1)
    expect(world.events('queue:error')).toMatchObject([{ during: 'giving leases back' }])
    delete faults.settle
    delete faults.giveBack
    await world.clock.advance('6m')
    expect(world.transport.deliveries.length).toBeGreaterThan(1)
  })

  it('go on when the clock is set back', async () => {
    const { script, answer } = onCommand()
    await using world = await createQueueWorld(script)
    await world.send('bob@rome.test')
    await world.clock.settled()
    world.clock.jump(-10 * 60 * minute)
    await world.clock.advance('30m')
    answer(deferred)
    await world.clock.settled()
    await world.clock.advance('20m')
    expect(world.transport.deliveries).toHaveLength(2)
  })

  it('do not let a crash loop hammer: the second crash in a row is waited for as the policy says', async () => {
    const storage = memoryStorage()
    const clock = createVirtualClock({ haltAfter: 5 })
    const start = clock.now()
    const attempts: number[] = []
    let crashes = 0
    const crash = async () => {
      const { storage: dying, faults } = faultyStorage(storage)
      const world = await createQueueWorld(
        recipient => {
          crashes++
          if (recipient === 'bob@rome.test') attempts.push((clock.now() - start) / minute)
          faults.lease = async () => []
          faults.renew = () => new Promise(() => {})
          faults.nextDue = async () => undefined
          return dead()
        },
        { storage: dying, clock, retry: exponentialBackoff({ giveUpAfter: '6h' }) },
      )
      return world
    }
    const worlds = [await crash()]
    await worlds[0]?.send('bob@rome.test')
    await clock.settled()
    const dsns: string[] = []
    for (let step = 0; step < 80; step++) {
      await clock.advance('5m')
      if (crashes < worlds.length) continue
      // The process that died is followed by the next.
      const world = await crash()
      world.queue.on('dsn:sent', event => dsns.push(event.kind))
      worlds.push(world)
    }
    // Without the wait there would be 72 attempts in 6 hours.
    expect(attempts.length).toBeLessThan(10)
    expect(attempts.slice(0, 4)).toEqual([0, 5, expect.any(Number), expect.any(Number)])
    expect((attempts[2] ?? 0) - (attempts[1] ?? 0)).toBeGreaterThanOrEqual(15)
    expect(dsns).toContain('failed')
    expect(await storage.queue.list({ recipient: 'bob@rome.test' })).toEqual([])
    for (const world of worlds) void world.queue.close({ grace: 0 })
  })
})
