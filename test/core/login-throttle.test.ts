import { describe, expect, it } from 'vitest'
import { createLoginThrottle } from '../../src/core/login-throttle.js'
import { createVirtualClock } from '../../src/core/virtual-clock.js'

describe('createLoginThrottle', () => {
  it('blocks a client that failed too often, and forgets its failures one by one', async () => {
    const clock = createVirtualClock()
    const throttle = createLoginThrottle({ clock, failuresPerAddress: 3, window: '3m' })
    for (let attempt = 0; attempt < 3; attempt++) expect(throttle.begin('192.0.2.1')).toBeDefined()
    expect(throttle.begin('192.0.2.1')).toBeUndefined()
    expect(throttle.begin('192.0.2.2')).toBeDefined()
    await clock.advance('1m')
    expect(throttle.begin('192.0.2.1')).toBeDefined()
    expect(throttle.begin('192.0.2.1')).toBeUndefined()
    await clock.advance('3m')
    for (let attempt = 0; attempt < 3; attempt++) expect(throttle.begin('192.0.2.1')).toBeDefined()
  })

  it('does not count a login that succeeded, nor takes it back twice', () => {
    const throttle = createLoginThrottle({ clock: createVirtualClock(), failuresPerAddress: 2 })
    for (let login = 0; login < 20; login++) throttle.begin('192.0.2.1')?.forgive()
    throttle.begin('192.0.2.1')
    const good = throttle.begin('192.0.2.1')
    good?.forgive()
    good?.forgive()
    expect(throttle.begin('192.0.2.1')).toBeDefined()
    expect(throttle.begin('192.0.2.1')).toBeUndefined()
  })

  it('counts attempts side by side, and a /64 of IPv6 as one client', () => {
    const throttle = createLoginThrottle({ clock: createVirtualClock(), failuresPerAddress: 2 })
    expect(throttle.begin('2001:db8::1')).toBeDefined()
    expect(throttle.begin('2001:db8::2')).toBeDefined()
    expect(throttle.begin('2001:db8::3')).toBeUndefined()
    expect(throttle.begin('2001:db8:0:1::1')).toBeDefined()
  })

  it('holds each refusal of a connection back longer, up to a limit', () => {
    const throttle = createLoginThrottle({ delay: '1s', longestDelay: '5s' })
    expect([1, 2, 3, 4, 5].map(failures => throttle.delayAfter(failures))).toEqual([
      1000, 2000, 4000, 5000, 5000,
    ])
  })

  it('refuses wrong options', () => {
    expect(() => createLoginThrottle({ failuresPerAddress: 0 })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })
})
