import { describe, expect, it } from 'vitest'
import { clientBlock, createConnectionLimits } from '../../src/core/connection-limits.js'

describe('createConnectionLimits', () => {
  it('limits connections of one client, and gives places back once', () => {
    const limits = createConnectionLimits({ total: 10, perAddress: 2 })
    const release = limits.admit('192.0.2.1')
    limits.admit('192.0.2.1')
    expect(limits.admit('192.0.2.1')).toBe('address')
    expect(limits.admit('192.0.2.2')).toBeTypeOf('function')
    if (typeof release !== 'function') throw new Error('was not admitted')
    release()
    release()
    expect(limits.admit('192.0.2.1')).toBeTypeOf('function')
    expect(limits.admit('192.0.2.1')).toBe('address')
  })

  it('limits connections in total', () => {
    const limits = createConnectionLimits({ total: 2, perAddress: 2 })
    limits.admit('192.0.2.1')
    const release = limits.admit('192.0.2.2')
    expect(limits.admit('192.0.2.3')).toBe('total')
    if (typeof release === 'function') release()
    expect(limits.admit('192.0.2.3')).toBeTypeOf('function')
  })

  it('counts a /64 of IPv6 as one client', () => {
    const limits = createConnectionLimits({ total: 10, perAddress: 1 })
    limits.admit('2001:db8::1')
    expect(limits.admit('2001:db8:0:0:ffff::2')).toBe('address')
    expect(limits.admit('2001:db8:0:1::1')).toBeTypeOf('function')
  })
})

describe('clientBlock', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:DB8:0:0:1:2:3:4', '2001:db8:0:0::/64'],
    ['2001:0db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1:2:3::', '1:2:3:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['', ''],
  ])('counts %j as %j', (address, block) => {
    expect(clientBlock(address)).toBe(block)
  })
})
