import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressKey,
  displayAddress,
  formatAddress,
  needsSmtpUtf8,
  parseAddress,
  splitDetail,
  tryParseAddress,
} from '../../src/core/address.js'

describe('parseAddress', () => {
  it.each([undefined, null, 5, {}])('refuses %j, which is no text', value => {
    expect(() => parseAddress(value as never)).toThrow(expect.objectContaining({ code: 'ADDRESS_INVALID' }))
  })

  it.each([
    ['alice@example.test', 'alice', 'example.test'],
    ['Alice.B+tag@EXAMPLE.test', 'Alice.B+tag', 'example.test'],
    ["!#$%&'*+/=?^_`{|}~-@example.test", "!#$%&'*+/=?^_`{|}~-", 'example.test'],
    ['"john smith"@example.test', 'john smith', 'example.test'],
    ['"a@b"@example.test', 'a@b', 'example.test'],
    ['"a\\"b\\\\c"@example.test', 'a"b\\c', 'example.test'],
    ['"alice"@example.test', 'alice', 'example.test'],
    ['"."@example.test', '.', 'example.test'],
    ['grüße@example.test', 'grüße', 'example.test'],
    ['"grüße 世界"@bücher.test', 'grüße 世界', 'xn--bcher-kva.test'],
    ['alice@[192.0.2.1]', 'alice', '[192.0.2.1]'],
    ['alice@[IPv6:2001:DB8::1]', 'alice', '[IPv6:2001:db8::1]'],
    [`${'a'.repeat(128)}@example.test`, 'a'.repeat(128), 'example.test'],
  ])('reads %j', (text, localPart, domain) => {
    expect(parseAddress(text)).toEqual({ localPart, domain })
  })

  it.each([
    ['alice%other.test@example.test', 'alice%other.test'],
    ['other.test!alice@example.test', 'other.test!alice'],
    ['"alice@other.test"@example.test', 'alice@other.test'],
    ['"@other.test:alice"@example.test', '@other.test:alice'],
  ])('takes the routing trick %j for the local part it is', (text, localPart) => {
    expect(parseAddress(text)).toEqual({ localPart, domain: 'example.test' })
  })

  it.each([
    ['nothing', ''],
    ['no domain', 'alice'],
    ['an empty domain', 'alice@'],
    ['an empty local part', '@example.test'],
    ['an empty quoted local part', '""@example.test'],
    ['two at signs', 'alice@other.test@example.test'],
    ['a source route', '@other.test:alice@example.test'],
    ['angle brackets', '<alice@example.test>'],
    ['a display name', 'Alice <alice@example.test>'],
    ['a comment', 'alice(comment)@example.test'],
    ['a dot at an end', 'alice.@example.test'],
    ['a dot at the other end', '.alice@example.test'],
    ['two dots', 'a..b@example.test'],
    ['blanks', 'al ice@example.test'],
    ['blanks at its ends', ' alice@example.test'],
    ['a blank behind', 'alice@example.test '],
    ['an open quote', '"alice@example.test'],
    ['a quote in the middle', 'al"ic"e@example.test'],
    ['a lone backslash', '"alice\\"@example.test'],
    ['a trailing dot in the domain', 'alice@example.test.'],
    ['an address without brackets', 'alice@192.0.2.1'],
    ['local parts of 129', `${'a'.repeat(129)}@example.test`],
    ['local parts of 129 octets', `${'é'.repeat(65)}@example.test`],
    ['255 octets', `ab@${'b.'.repeat(124)}test`],
    ['a megabyte', `${'a'.repeat(1_000_000)}@example.test`],
    ['a line break', 'alice\r\n@example.test'],
    ['a line break in quotes', '"alice\r\nRCPT TO:<bob>"@example.test'],
    ['an escaped line break in quotes', '"alice\\\n"@example.test'],
    ['a NUL', 'alice\0@example.test'],
    ['a NUL in quotes', '"alice\0"@example.test'],
    ['a tab in quotes', '"a\tb"@example.test'],
    ['a C1 control', 'alice\u0085@example.test'],
    ['a line separator', '"alice\u2028"@example.test'],
    ['a text direction', 'alice\u202e@example.test'],
    ['a zero-width character', 'ali\u200bce@example.test'],
    ['half a character', 'alice\ud800@example.test'],
    ['a no-break space', 'al\u00a0ice@example.test'],
  ])('refuses %s', (_, text) => {
    expect(tryParseAddress(text)).toBeUndefined()
    expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: 'ADDRESS_INVALID' }))
  })

  it('names the address it refuses, without its control characters', () => {
    expect(() => parseAddress('a\r\n')).toThrow(
      `address: got "a\\r\\n", expected a mailbox such as 'alice@example.test'`,
    )
  })

  const localParts = fc.oneof(
    fc.stringMatching(/^[\x20-\x7e]{1,64}$/),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    fc.string({
      unit: fc.constantFrom('a', '.', '"', '\\', '@', ' ', 'é', '+'),
      minLength: 1,
      maxLength: 10,
    }),
  )

  it('reads back what formatAddress writes', () => {
    fc.assert(
      fc.property(localParts, fc.domain(), (localPart, domain) => {
        const address = { localPart, domain: domain.toLowerCase() }
        const wire = formatAddress(address)
        const parsed = tryParseAddress(wire)
        fc.pre(parsed !== undefined)
        expect(parsed).toEqual(address)
        expect(formatAddress(parsed)).toBe(wire)
      }),
      { numRuns: 1000 },
    )
  })

  it('takes every printable ASCII local part that is quoted', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\x20-\x7e]{1,50}$/), localPart => {
        const wire = formatAddress({ localPart, domain: 'example.test' })
        expect(tryParseAddress(wire)).toEqual({ localPart, domain: 'example.test' })
      }),
    )
  })

  it('lets no control character through, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), fc.boolean(), (text, quoted) => {
        const address = tryParseAddress(`${quoted ? `"${text}"` : text}@example.test`)
        if (address) expect(formatAddress(address)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u)
      }),
      { numRuns: 500 },
    )
  })

  it('takes no more than a moment for any length', () => {
    const began = performance.now()
    for (const text of [
      'a.'.repeat(500_000),
      '"'.repeat(1_000_000),
      '"\\'.repeat(500_000),
      '@'.repeat(1_000_000),
    ]) {
      expect(tryParseAddress(`${text}@example.test`)).toBeUndefined()
      expect(tryParseAddress(text.slice(0, 250))).toBeUndefined()
    }
    expect(performance.now() - began).toBeLessThan(200)
  })
})

describe('formatAddress', () => {
  it('quotes where it must', () => {
    const domain = 'example.test'
    expect(formatAddress({ localPart: 'a.b', domain })).toBe('a.b@example.test')
    expect(formatAddress({ localPart: 'a b', domain })).toBe('"a b"@example.test')
    expect(formatAddress({ localPart: 'a"\\', domain })).toBe('"a\\"\\\\"@example.test')
    expect(formatAddress({ localPart: 'postmaster', domain: '' })).toBe('postmaster')
  })
})

describe('displayAddress', () => {
  it('shows the domain as people write it', () => {
    expect(displayAddress(parseAddress('a@xn--bcher-kva.test'))).toBe('a@bücher.test')
  })
})

describe('addressKey', () => {
  it('is the same for spellings of one mailbox', () => {
    const keys = ['Alice@Bücher.test', 'alice@xn--bcher-kva.TEST', '"ALICE"@bücher.test'].map(text =>
      addressKey(parseAddress(text)),
    )
    expect(new Set(keys)).toEqual(new Set(['alice@xn--bcher-kva.test']))
    expect(addressKey(parseAddress('e\u0301@a.test'))).toBe(addressKey(parseAddress('\u00e9@a.test')))
  })

  it('differs for different mailboxes', () => {
    const keys = ['a@b.test', '"a@b.test"@b.test', 'a@b.b.test', 'a+b@b.test', 'а@b.test'].map(text =>
      addressKey(parseAddress(text)),
    )
    expect(new Set(keys).size).toBe(keys.length)
  })
})

describe('needsSmtpUtf8', () => {
  it('looks at the local part, as domains have A-labels', () => {
    expect(needsSmtpUtf8(parseAddress('a@bücher.test'))).toBe(false)
    expect(needsSmtpUtf8(parseAddress('é@example.test'))).toBe(true)
  })
})

describe('splitDetail', () => {
  it('splits at the first separator', () => {
    expect(splitDetail(parseAddress('alice+a+b@example.test'))).toEqual({
      base: { localPart: 'alice', domain: 'example.test' },
      detail: 'a+b',
    })
    expect(splitDetail(parseAddress('alice--x@example.test'), '--')?.detail).toBe('x')
    expect(splitDetail(parseAddress('alice+@example.test'))?.detail).toBe('')
  })

  it('finds none where there is no base', () => {
    expect(splitDetail(parseAddress('alice@example.test'))).toBeUndefined()
    expect(splitDetail(parseAddress('+alice@example.test'))).toBeUndefined()
  })
})
