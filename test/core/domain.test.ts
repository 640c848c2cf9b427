import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { displayDomain, literalAddress, normalizeDomain, tryNormalizeDomain } from '../../src/core/domain.js'

describe('normalizeDomain', () => {
  it.each([
    ['example.test', 'example.test'],
    ['EXAMPLE.Test', 'example.test'],
    ['test', 'test'],
    ['a_b.test', 'a_b.test'],
    ['ab--cd.test', 'ab--cd.test'],
    ['1.example.test', '1.example.test'],
    ['bücher.test', 'xn--bcher-kva.test'],
    ['BÜCHER.test', 'xn--bcher-kva.test'],
    ['xn--bcher-kva.test', 'xn--bcher-kva.test'],
    ['XN--BCHER-KVA.test', 'xn--bcher-kva.test'],
    ['faß.test', 'xn--fa-hia.test'],
    ['例え。テスト', 'xn--r8jz45g.xn--zckzah'],
    [`${'a'.repeat(63)}.test`, `${'a'.repeat(63)}.test`],
    ['[192.0.2.1]', '[192.0.2.1]'],
    ['[IPv6:2001:DB8::1]', '[IPv6:2001:db8::1]'],
    ['[ipv6:2001:db8:0:0:0:0:0:1]', '[IPv6:2001:db8::1]'],
    ['[IPv6:::ffff:192.0.2.1]', '[IPv6:::ffff:192.0.2.1]'],
  ])('makes %j %j', (domain, normal) => {
    expect(normalizeDomain(domain)).toBe(normal)
  })

  it('tells twins in other scripts apart', () => {
    const [latin, cyrillic] = [normalizeDomain('apple.test'), normalizeDomain('аррle.test')]
    expect(cyrillic).toMatch(/^xn--/)
    expect(cyrillic).not.toBe(latin)
  })

  it.each([
    ['nothing', ''],
    ['a trailing dot', 'example.test.'],
    ['a leading dot', '.example.test'],
    ['an empty label', 'a..test'],
    ['a hyphen at an end', '-a.test'],
    ['a hyphen at the other end', 'a-.test'],
    ['a label of 64', `${'a'.repeat(64)}.test`],
    ['a label of 64 in A-labels', `${'é'.repeat(60)}.test`],
    ['254 octets', `${'a.'.repeat(125)}test`],
    ['a megabyte', 'é'.repeat(1_000_000)],
    ['blanks', 'a b.test'],
    ['blanks at its ends', ' example.test'],
    ['control characters', 'a\0.test'],
    ['a line break', 'é\r\n.test'],
    ['an escape', 'a%2etest'],
    ['a path', 'é.test/x'],
    ['a port', 'é.test:25'],
    ['a user', 'é@b.test'],
    ['a full-width at', 'a＠b.test'],
    ['an address', '192.0.2.1'],
    ['an address in full-width digits', '１９２.0.2.1'],
    ['an address in one number', '3221225985'],
    ['an address in hexadecimal', 'a.0x7f'],
    ['false Punycode', 'xn--a.test'],
    ['false Punycode in capitals', 'XN--A.test'],
    ['Punycode of ASCII', 'xn--example-.test'],
    ['no closed literal', '[192.0.2.1'],
    ['a literal of a name', '[example.test]'],
    ['an IPv6 literal without its tag', '[2001:db8::1]'],
    ['an IPv6 literal with a zone', '[IPv6:fe80::1%eth0]'],
    ['an IPv4 literal with zeros', '[192.000.2.1]'],
    ['a literal with blanks', '[ 192.0.2.1 ]'],
  ])('refuses %s', (_, domain) => {
    expect(tryNormalizeDomain(domain)).toBeUndefined()
    expect(() => normalizeDomain(domain)).toThrow(expect.objectContaining({ code: 'DOMAIN_INVALID' }))
  })

  it('gives a form that is its own, of letters, digits, hyphens and dots, for whatever it takes', () => {
    const domains = fc.oneof(
      fc.domain(),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.string({
        unit: fc.constantFrom('a', 'é', '.', '-', '_', '0', 'x', 'n', '[', ']', ':', '。'),
        maxLength: 12,
      }),
    )
    fc.assert(
      fc.property(domains, domain => {
        const normal = tryNormalizeDomain(domain)
        if (normal === undefined) return
        expect(normal).toMatch(/^[a-z0-9._-]{1,253}$|^\[[IPv0-9a-f:.]+\]$/)
        expect(tryNormalizeDomain(normal)).toBe(normal)
        expect(tryNormalizeDomain(normal.toUpperCase().replace('IPV6', 'IPv6'))).toBe(normal)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('displayDomain', () => {
  it('shows U-labels', () => {
    expect(displayDomain('xn--bcher-kva.test')).toBe('bücher.test')
    expect(displayDomain('example.test')).toBe('example.test')
    expect(displayDomain('xn--a.test')).toBe('xn--a.test')
  })
})

describe('literalAddress', () => {
  it('takes the address out of a literal', () => {
    expect(literalAddress('[192.0.2.1]')).toBe('192.0.2.1')
    expect(literalAddress('[IPv6:2001:db8::1]')).toBe('2001:db8::1')
    expect(literalAddress('example.test')).toBeUndefined()
  })
})
