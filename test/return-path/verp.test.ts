import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress, tryParseAddress } from '../../src/core/address.js'
import { createVerp } from '../../src/return-path/create-verp.js'

const secret = 'a secret of the tests'
const day = 86_400_000
const now = Date.UTC(2026, 0, 1, 12)
const verp = createVerp({ secret })
const decode = (address: string, at = now) => verp.decode(parseAddress(address), at)

describe('variable envelope return paths', () => {
  it('name the recipient, and are signed', () => {
    const address = verp.encode('news@paris.test', 'Bob@rome.test', now)
    expect(address).toMatch(/^news\+Bob=rome\.test\+[0-9a-z]{10}@paris\.test$/)
    expect(decode(address)).toEqual({ sender: 'news@paris.test', recipient: 'Bob@rome.test' })
  })

  it('are the same for every attempt, so that greylisting lets the second one through', () => {
    const first = verp.encode('news@paris.test', 'bob@rome.test', now)
    expect(verp.encode('news@paris.test', 'bob@rome.test', now)).toBe(first)
  })

  it('are read again whatever user, recipient and delimiter are (property)', () => {
    const word = fc.stringMatching(/^[ -~äß]{1,12}$/)
    const delimiter = fc.stringMatching(/^[-+=._#~^|]{1,2}$/)
    fc.assert(
      fc.property(word, word, delimiter, (user, other, mark) => {
        const codec = createVerp({ secret, delimiter: mark })
        const [sender, recipient] = [user, other].map(localPart =>
          formatAddress({ localPart, domain: 'paris.test' }),
        ) as [string, string]
        fc.pre(tryParseAddress(sender) !== undefined && tryParseAddress(recipient) !== undefined)
        const encoded = codec.encode(sender, recipient, now)
        fc.pre(encoded.includes('='))
        const read = codec.decode(parseAddress(encoded), now)
        expect(read?.sender).toBe(sender)
        expect([recipient, undefined]).toContain(read?.recipient)
      }),
    )
  })

  it('survive servers that write them in another case', () => {
    const address = verp.encode('news@paris.test', 'bob@rome.test', now)
    expect(decode(address.toUpperCase())?.recipient?.toLowerCase()).toBe('bob@rome.test')
  })

  it('leave the recipient out where the local part would get too long, and then all of it', () => {
    const long = `${'x'.repeat(45)}@rome.test`
    const address = verp.encode('news@paris.test', long, now)
    expect(address).toMatch(/^news\+[0-9a-z]{10}@paris\.test$/)
    expect(decode(address)).toEqual({ sender: 'news@paris.test' })
    const longest = `${'y'.repeat(60)}@paris.test`
    expect(verp.encode(longest, long, now)).toBe(longest)
  })

  it('have up to 64 octets before the @ (RFC 5321 §4.5.3.1.1), and name no recipient at an address literal', () => {
    const named = (recipient: string) => decode(verp.encode('news@paris.test', recipient, now))?.recipient
    expect(named(`${'x'.repeat(38)}@rome.test`)).toBeDefined()
    expect(named(`${'x'.repeat(39)}@rome.test`)).toBeUndefined()
    expect(named('bob@[192.0.2.1]')).toBeUndefined()
  })

  it('are one for all recipients when they are to be', () => {
    const shared = createVerp({ secret, perRecipient: false })
    expect(shared.encode('news@paris.test', 'bob@rome.test', now)).toBe(
      shared.encode('news@paris.test', 'eve@oslo.test', now),
    )
  })

  it('are not made of the null sender', () => {
    expect(verp.encode('', 'bob@rome.test', now)).toBe('')
  })
})

describe('forged return paths', () => {
  const address = verp.encode('news@paris.test', 'bob@rome.test', now)

  it.each([
    ['another recipient', address.replace('bob', 'eve')],
    ['another sender', address.replace('news', 'nobody')],
    ['another domain', address.replace('paris', 'oslo')],
    ['another signature', address.replace(/.(?=@)/, last => (last === '0' ? '1' : '0'))],
    ['another division into user and recipient', address.replace('+', '')],
    ['another day', address.replace(/\+[^+]{2}(?=[^+]{8}@)/, '+zz')],
    ['no signature', 'news+bob=rome.test@paris.test'],
    ['a signature alone', `${address.split('+').at(-1)}`],
    [
      'a signature of others',
      createVerp({ secret: 'another secret for it' }).encode('news@paris.test', 'bob@rome.test', now),
    ],
  ])('are not believed: %s', (_, forged) => {
    expect(decode(forged)).toBeUndefined()
  })

  it('are those whose time is over', () => {
    expect(decode(address, now + 14 * day)).toBeDefined()
    expect(decode(address, now + 15 * day)).toBeUndefined()
    expect(decode(address, now - day)).toBeDefined()
    expect(decode(address, now - 3 * day)).toBeUndefined()
  })

  it('are not made young again with the day of another', () => {
    const later = verp.encode('news@paris.test', 'bob@rome.test', now + 20 * day)
    const [, young = ''] = /\+(..)[^+]{8}@/.exec(later) ?? []
    const forged = address.replace(/\+..(?=[^+]{8}@)/, `+${young}`)
    expect(decode(later, now + 20 * day)).toBeDefined()
    expect(decode(forged, now + 20 * day)).toBeUndefined()
  })

  it('may have a signature that is none', () => {
    const localPart = address.slice(0, address.indexOf('@'))
    const forged = { localPart: `${localPart.slice(0, -8)}ääääääää`, domain: 'paris.test' }
    expect(verp.decode(forged, now)).toBeUndefined()
  })

  it('are known while a secret is replaced', () => {
    const renewed = createVerp({ secret: ['a new secret of theirs', secret] })
    expect(renewed.decode(parseAddress(address), now)).toBeDefined()
    expect(decode(renewed.encode('news@paris.test', 'bob@rome.test', now))).toBeUndefined()
  })

  it('fail nothing, whatever they are (property)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), localPart => {
        expect(verp.decode({ localPart, domain: 'paris.test' }, now)).toBeUndefined()
      }),
    )
  })
})

describe('options', () => {
  it.each([
    [{ secret: 'short' }, /secret: .*16 characters.*got a secret/],
    [{ secret, delimiter: 'x' }, /delimiter/],
    [{ secret, lifetime: '2y' }, /lifetime/],
    [{ secret, lifetime: '23h' }, /lifetime/],
    [{ secret, lifetimes: 1 }, /lifetimes/],
  ])('that are wrong are refused: %j', (options, problem) => {
    expect(() => createVerp(options as never)).toThrow(problem)
  })
})
