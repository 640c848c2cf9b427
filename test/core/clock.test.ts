import { describe, expect, it, vi } from 'vitest'
import { sleep, systemClock, withDeadline } from '../../src/core/clock.js'
import { createVirtualClock } from '../../src/core/virtual-clock.js'

describe('systemClock', () => {
  it('tells the time of the machine', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000)
    expect(systemClock.monotonic()).toBeLessThanOrEqual(systemClock.monotonic())
  })

  it('runs a timer once, and one that was cancelled not at all', () => {
    vi.useFakeTimers()
    const [action, cancelled] = [vi.fn(), vi.fn()]
    systemClock.schedule(1000, action)
    systemClock.schedule(1000, cancelled).cancel()
    vi.advanceTimersByTime(999)
    expect(action).not.toHaveBeenCalled()
    vi.advanceTimersByTime(100_000)
    expect(action).toHaveBeenCalledTimes(1)
    expect(cancelled).not.toHaveBeenCalled()
    vi.useRealTimers()
  })

  it('honours a delay that is longer than a timer of the platform holds', () => {
    vi.useFakeTimers()
    const days = 86_400_000
    const [action, cancelled] = [vi.fn(), vi.fn()]
    systemClock.schedule(60 * days, action)
    const timer = systemClock.schedule(60 * days, cancelled)
    vi.advanceTimersByTime(60 * days - 1000)
    expect(action).not.toHaveBeenCalled()
    timer.cancel()
    vi.advanceTimersByTime(2000)
    expect(action).toHaveBeenCalledTimes(1)
    expect(cancelled).not.toHaveBeenCalled()
    vi.useRealTimers()
  })

  it('keeps no process alive by its timers', () => {
    const before = process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
    const timer = systemClock.schedule(1000, () => {})
    expect(process.getActiveResourcesInfo().filter(name => name === 'Timeout')).toHaveLength(before)
    timer.cancel()
  })

  it('hands tracked work back', async () => {
    const work = Promise.resolve(1)
    expect(systemClock.track(work)).toBe(work)
  })
})

describe('sleep', () => {
  it('waits for its time', async () => {
    const clock = createVirtualClock({ start: 0 })
    const woken = sleep(clock, '10s').then(() => clock.now())
    await clock.advance('1m')
    expect(await woken).toBe(10_000)
  })

  it('ends with ABORTED, before or on the way, and leaves no timer', async () => {
    const clock = createVirtualClock()
    await expect(sleep(clock, 10, AbortSignal.abort())).rejects.toMatchObject({
      code: 'ABORTED',
      temporary: true,
    })
    const controller = new AbortController()
    const asleep = sleep(clock, 10, controller.signal)
    controller.abort()
    await expect(asleep).rejects.toMatchObject({ code: 'ABORTED' })
    expect(clock.nextTimer()).toBeUndefined()
  })

  it('lets go of its signal', async () => {
    const clock = createVirtualClock()
    const { signal } = new AbortController()
    const removed = vi.spyOn(signal, 'removeEventListener')
    const asleep = sleep(clock, 10, signal)
    await clock.advance(10)
    await asleep
    expect(removed).toHaveBeenCalledWith('abort', expect.any(Function))
  })
})

describe('withDeadline', () => {
  it('settles as the work does, and leaves no timer', async () => {
    const clock = createVirtualClock()
    expect(await withDeadline(clock, 10, 'work', Promise.resolve('done'))).toBe('done')
    await expect(withDeadline(clock, 10, 'work', Promise.reject(new Error('no')))).rejects.toThrow('no')
    await clock.settled()
    expect(clock.nextTimer()).toBeUndefined()
  })

  it('fails with TIMEOUT after the limit, whatever the work does later', async () => {
    const clock = createVirtualClock()
    let fail = (_: Error) => {}
    const slow = new Promise<never>((_, reject) => {
      fail = reject
    })
    const outcome = expect(withDeadline(clock, 10, 'the lookup', slow)).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'the lookup took longer than 10 ms',
      temporary: true,
    })
    await clock.advance(10)
    await outcome
    fail(new Error('too late to matter'))
    await clock.settled()
  })
})
