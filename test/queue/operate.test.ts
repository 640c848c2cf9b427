import { describe, expect, it } from 'vitest'
import { createQueueWorld, deferred, delivered } from './queue-world.js'

describe('the operator', () => {
  it('pauses and resumes: what is under way goes on, what comes waits', async () => {
    await using world = await createQueueWorld()
    world.queue.pause()
    expect(world.queue.paused).toBe(true)
    await world.send('bob@rome.test')
    await world.clock.advance('3h')
    expect(world.transport.deliveries).toEqual([])
    world.queue.resume()
    await world.clock.settled()
    expect(world.events('recipient:delivered')).toHaveLength(1)
  })

  it('holds a waiting entry, which then misses its time, until it is released', async () => {
    await using world = await createQueueWorld(() =>
      world.transport.deliveries.length > 1 ? delivered : deferred,
    )
    const { entries, traceId } = await world.send('bob@rome.test')
    await world.clock.settled()
    expect(await world.queue.hold([...entries, ...entries])).toEqual(entries)
    await world.clock.advance('3h')
    expect(world.transport.deliveries).toHaveLength(1)
    expect(await world.queue.get(entries[0] ?? '')).toMatchObject({ state: 'held' })
    expect(await world.queue.retryNow(entries)).toEqual([])
    expect(await world.queue.release(entries[0] ?? '')).toEqual(entries)
    await world.clock.settled()
    expect(world.events('recipient:delivered')).toHaveLength(1)
    expect(world.events('entry:held')).toEqual([{ traceId, entry: entries[0] }])
    expect(world.events('entry:released')).toEqual([{ traceId, entry: entries[0] }])
  })

  it('holds an entry after the attempt that is under way', async () => {
    let end = () => {}
    await using world = await createQueueWorld(async () => {
      await new Promise<void>(resolve => {
        end = resolve
      })
      return deferred
    })
    const { entries } = await world.send('bob@rome.test')
    await world.clock.settled()
    await world.queue.hold(entries)
    end()
    await world.clock.settled()
    expect(await world.queue.get(entries[0] ?? '')).toMatchObject({ state: 'held', attempts: 1 })
  })

  it('releases an entry that was to be held after the attempt that is under way', async () => {
    let end = () => {}
    await using world = await createQueueWorld(async () => {
      await new Promise<void>(resolve => {
        end = resolve
      })
      return deferred
    })
    const { entries } = await world.send('bob@rome.test')
    await world.clock.settled()
    await world.queue.hold(entries)
    expect(await world.queue.release(entries)).toEqual(entries)
    end()
    await world.clock.settled()
    expect(await world.queue.get(entries[0] ?? '')).toMatchObject({ state: 'waiting', attempts: 1 })
  })

  it('retries a waiting entry at once', async () => {
    await using world = await createQueueWorld(() =>
      world.transport.deliveries.length > 1 ? delivered : deferred,
    )
    const { entries } = await world.send('bob@rome.test')
    await world.clock.settled()
    expect(await world.queue.release(entries)).toEqual([])
    expect(await world.queue.retryNow(entries)).toEqual(entries)
    await world.clock.settled()
    expect(world.times('recipient:delivered')).toEqual([0])
  })

  it('drops an entry without a word to its sender', async () => {
    await using world = await createQueueWorld(() => deferred)
    const { entries, traceId } = await world.send(['a@rome.test', 'b@rome.test'])
    await world.clock.settled()
    expect(await world.queue.drop(entries[0] ?? '')).toEqual([entries[0]])
    expect(world.events('entry:dropped')).toEqual([{ traceId, entry: entries[0], recipient: 'a@rome.test' }])
    expect((await world.queue.list()).map(entry => entry.id)).toEqual([entries[1]])
    await world.clock.advance('40h')
    expect(world.events('dsn:sent').flatMap(event => event.recipients)).toEqual([
      'b@rome.test',
      'b@rome.test',
    ])
  })

  it('drops an entry in the middle of its attempt, which then ends', async () => {
    let aborted = false
    await using world = await createQueueWorld(
      (_, __, signal) =>
        new Promise(resolve => {
          signal.addEventListener('abort', () => {
            aborted = true
            resolve(deferred)
          })
        }),
    )
    const { entries } = await world.send('bob@rome.test')
    await world.clock.settled()
    await world.queue.drop(entries)
    await world.clock.advance('2m')
    expect(aborted).toBe(true)
    expect(world.events('lease:lost')).toMatchObject([{ entries }])
    expect(await world.queue.list()).toEqual([])
    expect(world.events('dsn:sent')).toEqual([])
  })

  it('lists, counts and finds entries, and says when there is none', async () => {
    await using world = await createQueueWorld(() => deferred)
    const { entries } = await world.send(['a@rome.test', 'b@oslo.test'])
    await world.clock.settled()
    await world.queue.hold(entries[0] ?? '')
    expect(await world.queue.counts()).toEqual({ waiting: 1, leased: 0, held: 1, dead: 0 })
    expect((await world.queue.list({ destination: 'oslo.test' })).map(entry => entry.id)).toEqual([
      entries[1],
    ])
    await expect(world.queue.get('nothing')).rejects.toMatchObject({ code: 'NO_SUCH_ENTRY' })
    expect(await world.queue.hold(['nothing', '__proto__'])).toEqual([])
    await expect(world.queue.drop([1] as never)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })

  it('waits until the queue is idle', async () => {
    let end = () => {}
    await using world = await createQueueWorld(async () => {
      await new Promise<void>(resolve => {
        end = resolve
      })
      return deferred
    })
    await world.queue.idle()
    await world.send('bob@rome.test')
    await world.clock.settled()
    let idle = false
    const waiting = world.queue.idle().then(() => {
      idle = true
    })
    await world.clock.settled()
    expect(idle).toBe(false)
    end()
    await waiting
    expect(await world.queue.counts()).toMatchObject({ waiting: 1 })
  })

  it('is not idle while something is due that it may not begin', async () => {
    await using world = await createQueueWorld()
    world.queue.pause()
    await world.send('bob@rome.test')
    let idle = false
    const waiting = world.queue.idle().then(() => {
      idle = true
    })
    await world.clock.settled()
    expect(idle).toBe(false)
    world.queue.resume()
    await waiting
    expect(world.events('recipient:delivered')).toHaveLength(1)
  })
})
