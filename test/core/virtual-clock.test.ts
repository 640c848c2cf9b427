import { once } from 'node:events'
import net from 'node:net'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { sleep, withDeadline } from '../../src/core/clock.js'
import { createVirtualClock } from '../../src/core/virtual-clock.js'

const hour = 3_600_000

describe('createVirtualClock', () => {
  it.each([
    ['start', { start: '2026-01-01' }],
    ['haltAfter', { haltAfter: -1 }],
    ['options', { begin: 0 }],
    ['options', 5],
  ])('refuses a wrong %s', (option, options) => {
    expect(() => createVirtualClock(options as never)).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.stringMatching(new RegExp(`^createVirtualClock: ${option}: .*got`)),
      }),
    )
  })

  it('stands still until it is told to move', async () => {
    const clock = createVirtualClock()
    expect(clock.now()).toBe(Date.UTC(2026, 0, 1))
    expect(clock.monotonic()).toBe(0)
    const action = vi.fn()
    clock.schedule(0, action)
    await clock.settled()
    expect(action).not.toHaveBeenCalled()
    await clock.advance(0)
    expect(action).toHaveBeenCalledTimes(1)
    expect(clock.now()).toBe(Date.UTC(2026, 0, 1))
  })

  it('runs timers in the order they are due, and those due together as they were made', async () => {
    const clock = createVirtualClock({ start: 0 })
    const ran: [string, number][] = []
    const at = (delay: number, name: string) => clock.schedule(delay, () => ran.push([name, clock.now()]))
    at(20, 'c')
    at(10, 'a')
    at(30, 'e')
    at(10, 'b')
    at(20, 'd')
    at(-5, 'past')
    at(Number.NaN, 'not a number')
    await clock.advance(20)
    expect(ran).toEqual([
      ['past', 0],
      ['not a number', 0],
      ['a', 10],
      ['b', 10],
      ['c', 20],
      ['d', 20],
    ])
    expect(clock.nextTimer()).toBe(30)
    expect(clock.monotonic()).toBe(20)
  })

  it('runs what a timer schedules on the way, at its own time', async () => {
    const clock = createVirtualClock({ start: 0 })
    const ran: number[] = []
    const every = (delay: number) => {
      clock.schedule(delay, () => {
        ran.push(clock.now())
        every(delay)
      })
    }
    every(hour)
    await clock.advance('5h')
    expect(ran).toEqual([1, 2, 3, 4, 5].map(count => count * hour))
  })

  it('does not run a timer that was cancelled, also by one before it, and forgets it', async () => {
    const clock = createVirtualClock({ start: 0 })
    const cancelled = vi.fn()
    const timer = clock.schedule(20, cancelled)
    clock.schedule(10, () => timer.cancel())
    await clock.advance(100)
    timer.cancel()
    expect(cancelled).not.toHaveBeenCalled()
    expect(clock.nextTimer()).toBeUndefined()
  })

  it('runs any mix of timers as a plain list would', async () => {
    const plans = fc.array(fc.record({ delay: fc.nat(50), cancelled: fc.boolean() }), { maxLength: 300 })
    await fc.assert(
      fc.asyncProperty(plans, async plan => {
        const clock = createVirtualClock({ start: 0 })
        const ran: number[] = []
        const timers = plan.map(({ delay }, index) => clock.schedule(delay, () => ran.push(index)))
        plan.forEach(({ cancelled }, index) => {
          if (cancelled) timers[index]?.cancel()
        })
        await clock.advance(50)
        const wanted = plan
          .map(({ delay, cancelled }, index) => ({ delay, cancelled, index }))
          .filter(timer => !timer.cancelled)
          .sort((a, b) => a.delay - b.delay || a.index - b.index)
        expect(ran).toEqual(wanted.map(timer => timer.index))
      }),
      { numRuns: 20 },
    )
  })

  it('lets 30 hours with 20,000 timers pass in seconds, and holds on to no cancelled timer', async () => {
    const clock = createVirtualClock()
    let ran = 0
    for (let index = 0; index < 20_000; index++) clock.schedule(((index * 7919) % 20_000) * 5400, () => ran++)
    for (let index = 0; index < 200_000; index++) clock.schedule(hour, () => ran++).cancel()
    const began = performance.now()
    await clock.advance('30h')
    expect(ran).toBe(20_000)
    expect(performance.now() - began).toBeLessThan(5000)
  })

  it('waits between timers until the work under way has settled', async () => {
    const clock = createVirtualClock({ start: 0 })
    const seen: string[] = []
    const server = net.createServer(socket => socket.on('data', () => socket.end('answer')))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    const ask = async () => {
      const socket = net.connect(port, '127.0.0.1')
      socket.write('question')
      await once(socket.resume(), 'close')
      seen.push(`answer at ${clock.now()}`)
    }
    clock.schedule(10, () => void clock.track(ask()))
    clock.schedule(20, () => seen.push('later timer'))
    await clock.advance(30)
    expect(seen).toEqual(['answer at 10', 'later timer'])
    server.close()
  })

  it('goes on when the work under way waits for the clock itself', async () => {
    const clock = createVirtualClock({ start: 0, haltAfter: 5 })
    const work = clock.track(sleep(clock, '30h').then(() => clock.now()))
    await clock.advance('30h')
    expect(await work).toBe(30 * hour)
  })

  it('goes on when the work under way waits for something that never comes', async () => {
    const clock = createVirtualClock({ start: 0, haltAfter: 5 })
    const work = clock.track(withDeadline(clock, hour, 'the answer', new Promise(() => {})))
    const outcome = expect(work).rejects.toMatchObject({ code: 'TIMEOUT', temporary: true })
    await clock.advance('2h')
    await outcome
  })

  it('takes the failure of tracked work for its end, and leaves it to its owner', async () => {
    const clock = createVirtualClock()
    const work = clock.track(Promise.reject(new Error('failed')))
    await expect(work).rejects.toThrow('failed')
    await clock.advance(1)
  })

  it('tells of a timer that throws', async () => {
    const clock = createVirtualClock()
    clock.schedule(1, () => {
      throw new Error('timer broke')
    })
    await expect(clock.advance(2)).rejects.toThrow('timer broke')
  })

  it('jumps without running timers, whose distance stays', async () => {
    const clock = createVirtualClock({ start: 1000 })
    const action = vi.fn()
    clock.schedule(500, action)
    clock.jump(10_000)
    expect(clock.now()).toBe(11_000)
    expect(clock.monotonic()).toBe(0)
    expect(clock.nextTimer()).toBe(11_500)
    await clock.settled()
    expect(action).not.toHaveBeenCalled()
    clock.jump(-20_000)
    expect(clock.now()).toBe(-9000)
    await clock.advance(500)
    expect(action).toHaveBeenCalledTimes(1)
  })

  it('advances to an instant, and not into the past', async () => {
    const clock = createVirtualClock({ start: 1000 })
    await clock.advanceTo(5000)
    expect(clock.now()).toBe(5000)
    await clock.advanceTo(2000)
    expect(clock.now()).toBe(5000)
  })

  it('refuses a length of time that is none', () => {
    expect(() => createVirtualClock().advance('1w' as never)).toThrow(/advance: got "1w"/)
  })
})
