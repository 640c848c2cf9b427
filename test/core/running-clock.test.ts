import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../src/core/virtual-clock.js'

describe('a virtual clock that runs', () => {
  it('tells whole milliseconds, as instants are everywhere', async () => {
    const clock = createVirtualClock({ start: 1_000, runs: true })
    await new Promise<void>(resolve => clock.schedule(1.5, resolve))
    expect(Number.isInteger(clock.now())).toBe(true)
  })

  it('goes by itself, and runs timers as they fall due', async () => {
    const clock = createVirtualClock({ runs: true })
    const start = clock.monotonic()
    await new Promise<void>(resolve => clock.schedule(20, resolve))
    expect(clock.monotonic() - start).toBeGreaterThanOrEqual(19)
    expect(clock.monotonic() - start).toBeLessThan(5_000)
  })

  it('runs the timers on its way when it is put forward, in order, and goes on from there', async () => {
    const clock = createVirtualClock({ start: 0, runs: true })
    const order: string[] = []
    clock.schedule(7_200_000, () => order.push('two hours'))
    clock.schedule(3_600_000, () => order.push('an hour'))
    await clock.advance('1h')
    expect(order).toEqual(['an hour'])
    await clock.advance('1h')
    expect(order).toEqual(['an hour', 'two hours'])
    expect(clock.now()).toBeGreaterThanOrEqual(7_200_000)
    expect(clock.now()).toBeLessThan(7_230_000)
    await new Promise<void>(resolve => clock.schedule(5, resolve))
  })

  it('leaves no timer of the machine behind when its own were taken back', () => {
    const timers = () => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length
    const before = timers()
    const clock = createVirtualClock({ runs: true })
    const pending = [clock.schedule(60_000, () => {}), clock.schedule(30_000, () => {})]
    for (const timer of pending) timer.cancel()
    expect(timers()).toBe(before)
  })
})
