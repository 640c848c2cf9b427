import { describe, expect, it, vi } from 'vitest'
import { DrainSet, waitUntilEmpty } from '../../src/core/lifecycle.js'
import { createVirtualClock } from '../../src/core/virtual-clock.js'

describe('waitUntilEmpty', () => {
  it('is there at once when nothing is under way', async () => {
    const clock = createVirtualClock()
    expect(await waitUntilEmpty(clock, 1000, new DrainSet())).toBe(true)
    expect(clock.nextTimer()).toBeUndefined()
  })

  it('waits for the last to leave, and leaves no timer', async () => {
    const clock = createVirtualClock()
    const sessions = new DrainSet<string>()
    sessions.add('a')
    sessions.add('b')
    const empty = vi.fn()
    const waiting = waitUntilEmpty(clock, 1000, sessions).then(empty)
    sessions.delete('a')
    await clock.settled()
    expect(empty).not.toHaveBeenCalled()
    sessions.delete('b')
    await waiting
    expect(empty).toHaveBeenCalledWith(true)
    expect(clock.nextTimer()).toBeUndefined()
  })

  it('gives up after the grace period, and listens no longer', async () => {
    const clock = createVirtualClock()
    const sessions = new DrainSet<string>()
    sessions.add('a')
    const waiting = waitUntilEmpty(clock, 1000, sessions)
    await clock.advance(1000)
    expect(await waiting).toBe(false)
    sessions.delete('a')
    expect(sessions.isEmpty()).toBe(true)
  })
})

describe('DrainSet', () => {
  it('tells of members that leave, until it is told not to', () => {
    const set = new DrainSet<number>()
    const listener = vi.fn()
    const stop = set.onChange(listener)
    set.add(1)
    set.add(2)
    expect([...set]).toEqual([1, 2])
    set.delete(3)
    expect(listener).not.toHaveBeenCalled()
    set.delete(1)
    expect(listener).toHaveBeenCalledTimes(1)
    stop()
    set.delete(2)
    expect(listener).toHaveBeenCalledTimes(1)
    expect(set.size).toBe(0)
  })
})
