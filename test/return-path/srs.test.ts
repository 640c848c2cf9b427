import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/core/address.js'
import { createSrs } from '../../src/return-path/create-srs.js'

const day = 86_400_000
const now = Date.UTC(2026, 0, 1, 12)
const paris = createSrs({ secret: 'a secret of the tests', domain: 'paris.test' })
const oslo = createSrs({ secret: 'a secret of others here', domain: 'oslo.test' })
const lima = createSrs({ secret: 'and a secret of a third', domain: 'lima.test' })
const reverse = (srs: typeof paris, address: string, at = now) => srs.reverse(parseAddress(address), at)

describe('SRS', () => {
  it('rewrites a sender, and finds it again', () => {
    const address = paris.forward('Alice@rome.test', now)
    expect(address).toMatch(/^SRS0=[0-9a-z]{8}=[0-9a-z]{2}=rome\.test=Alice@paris\.test$/)
    expect(reverse(paris, address)).toBe('Alice@rome.test')
  })

  it('leads back to the first forwarder, however many there were', () => {
    const first = paris.forward('alice@rome.test', now)
    const second = oslo.forward(first, now)
    expect(second).toMatch(
      /^SRS1=[0-9a-z]{10}=paris\.test==[0-9a-z]{8}=[0-9a-z]{2}=rome\.test=alice@oslo\.test$/,
    )
    const third = lima.forward(second, now)
    expect(third).toMatch(/^SRS1=[0-9a-z]{10}=paris\.test==/)
    expect(third.length).toBe(second.length)
    expect(reverse(lima, third)).toBe(first)
    expect(reverse(oslo, second)).toBe(first)
    expect(reverse(paris, first)).toBe('alice@rome.test')
  })

  it('takes what others rewrote with separators of their own', () => {
    const second = oslo.forward('SRS0+abcd=12=rome.test=alice@paris.test', now)
    expect(reverse(oslo, second)).toBe('SRS0+abcd=12=rome.test=alice@paris.test')
    const third = lima.forward('SRS1-wxyz=paris.test=+abcd=12=rome.test=alice@oslo.test', now)
    expect(third).toMatch(/^SRS1=[0-9a-z]{10}=paris\.test=\+abcd=/)
    expect(reverse(lima, third)).toBe('SRS0+abcd=12=rome.test=alice@paris.test')
  })

  it('leaves alone what needs no rewriting, or cannot have it', () => {
    for (const sender of ['', 'bob@paris.test', 'bob@[192.0.2.1]', `${'x'.repeat(120)}@rome.test`])
      expect(paris.forward(sender, now)).toBe(sender)
  })

  it('finds any sender again (property)', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[!#-'*+/-9=?A-Z^-~-]{1,40}$/), localPart => {
        fc.pre(!/^\.|\.\.|\.$|^SRS[01][=+-]/i.test(localPart))
        const sender = `${localPart}@rome.test`
        expect(reverse(paris, paris.forward(sender, now))).toBe(sender)
      }),
    )
  })
})

describe('forged SRS addresses', () => {
  const address = paris.forward('alice@rome.test', now)

  it.each([
    address.replace('alice', 'eve'),
    address.replace('rome', 'lima'),
    address.replace(/=..=/, '=zz='),
    address.replace('paris', 'oslo'),
    'SRS0=alice@paris.test',
    'SRS1=x=y==z@paris.test',
    'alice@paris.test',
    oslo.forward('alice@rome.test', now).replace('oslo', 'paris'),
    // The first forwarder that it names is no domain.
    paris.forward('SRS1=x=a!b==y=z=c.test=alice@lima.test', now),
  ])('lead nowhere: %s', forged => {
    expect(reverse(paris, forged)).toBeUndefined()
  })

  it('are those whose time is over', () => {
    expect(reverse(paris, address, now + 21 * day)).toBeDefined()
    expect(reverse(paris, address, now + 22 * day)).toBeUndefined()
  })

  it('survive servers that write them in another case', () => {
    expect(reverse(paris, address.toUpperCase())).toBe('ALICE@rome.test')
  })
})
