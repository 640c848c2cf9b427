import { describe, expect, it } from 'vitest'
import { createLoginThrottle } from '../../src/core/login-throttle.js'
import { createVirtualClock } from '../../src/core/virtual-clock.js'

describe('the login throttle', () => {
  it('holds refusals back longer with each, up to a limit', () => {
    const { delayAfter } = throttleOf({ delay: '1s', longestDelay: '5s' })
    expect([1, 2, 3, 4, 5, 2_000].map(delayAfter)).toEqual([1_000, 2_000, 4_000, 5_000, 5_000, 5_000])
  })

  it('blocks a client after so many failures, and lets them fade one by one', async () => {
    const clock = createVirtualClock()
    const throttle = createLoginThrottle({ clock, failuresPerAddress: 3, window: '30m' })
    for (let failure = 0; failure < 3; failure++) expect(throttle.begin('2001:db8::1')).toBeDefined()
    expect(throttle.begin('2001:db8::2')).toBeUndefined()
    expect(throttle.begin('2001:db8:0:1::1')).toBeDefined()
    await clock.advance('9m')
    expect(throttle.begin('2001:db8::1')).toBeUndefined()
    await clock.advance('1m')
    expect(throttle.begin('2001:db8::1')).toBeDefined()
    expect(throttle.begin('2001:db8::1')).toBeUndefined()
  })

  it('counts an attempt as failed until it is forgiven, once', () => {
    const throttle = throttleOf({ failuresPerAddress: 2 })
    const attempt = throttle.begin('192.0.2.1')
    throttle.begin('192.0.2.1')
    expect(throttle.begin('192.0.2.1')).toBeUndefined()
    attempt?.forgive()
    attempt?.forgive()
    expect(throttle.begin('192.0.2.1')).toBeDefined()
    expect(throttle.begin('192.0.2.1')).toBeUndefined()
  })
})

function throttleOf(options: Parameters<typeof createLoginThrottle>[0]) {
  const throttle = createLoginThrottle({ clock: createVirtualClock(), ...options })
  return { begin: throttle.begin.bind(throttle), delayAfter: throttle.delayAfter.bind(throttle) }
}
