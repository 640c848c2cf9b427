import { describe, expect, it } from 'vitest'
import { clientBlock, createConnectionLimits } from '../../src/core/connection-limits.js'

describe('the limits of connections', () => {
  it('count in total and per client, and take places back once', () => {
    const limits = createConnectionLimits({ total: 3, perAddress: 2 })
    const first = limits.admit('192.0.2.1')
    limits.admit('192.0.2.1')
    expect(limits.admit('192.0.2.1')).toBe('address')
    limits.admit('192.0.2.2')
    expect(limits.admit('192.0.2.3')).toBe('total')
    if (typeof first === 'string') throw new Error(first)
    first()
    first()
    expect(limits.admit('192.0.2.1')).toBeTypeOf('function')
    expect(limits.admit('192.0.2.3')).toBe('total')
  })
})

describe('one client', () => {
  it('is an IPv4 address or the /64 of an IPv6 address, however written', () => {
    expect(clientBlock('192.0.2.1')).toBe('192.0.2.1')
    for (const address of ['2001:db8:0:1::1', '2001:DB8::1:ffff:1:2:3', '2001:0db8:0000:0001:0:0:0:0']) {
      expect(clientBlock(address)).toBe('2001:db8:0:1::/64')
    }
    expect(clientBlock('::1')).toBe('0:0:0:0::/64')
    expect(clientBlock('fe80::1%eth0')).toBe('fe80:0:0:0::/64')
    expect(clientBlock('2001:db8:1:2:3::')).toBe('2001:db8:1:2::/64')
    expect(clientBlock('64:ff9b::192.0.2.1')).toBe('64:ff9b:0:0::/64')
    expect(clientBlock('')).toBe('')
  })
})
