import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeXtext, encodeXtext } from '../../src/smtp/xtext.js'

describe('xtext (RFC 3461 §4)', () => {
  it.each([
    ['plain', 'plain'],
    ['a+b=c', 'a+2Bb+3Dc'],
    ['rfc822;bob smith@example.test', 'rfc822;bob+20smith@example.test'],
    ['é', '+C3+A9'],
    ['', ''],
  ])('writes %j as %j, and reads it back', (text, encoded) => {
    expect(encodeXtext(text)).toBe(encoded)
    expect(decodeXtext(encoded)).toBe(text)
  })

  it.each([
    ['a blank', 'a b'],
    ['an equals sign', 'a=b'],
    ['a lone plus', 'a+'],
    ['a half pair', 'a+2'],
    ['lower-case digits', 'a+2b'],
    ['no hex digits', '+GG'],
    ['raw UTF-8', 'é'],
    ['a line break', 'a\r\nb'],
    ['a hidden line break', 'a+0D+0Ab'],
    ['a hidden NUL', '+00'],
    ['a hidden DEL', '+7F'],
    ['a hidden C1 control', '+C2+85'],
    ['octets that are no UTF-8', '+FF'],
    ['half a character', '+C3'],
  ])('refuses %s', (_, text) => {
    expect(decodeXtext(text)).toBeUndefined()
  })

  it('reads back whatever it writes that hides no control character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => {
        const encoded = encodeXtext(text)
        expect(encoded).toMatch(/^[!-~]*$/)
        const decoded = decodeXtext(encoded)
        expect(decoded).toBe(/[\p{Cc}\ufffd]/u.test(text) ? undefined : text)
      }),
    )
  })

  it('takes linear time', () => {
    const began = performance.now()
    decodeXtext(`${'+2B'.repeat(500_000)}+`)
    decodeXtext('+'.repeat(1_000_000))
    expect(performance.now() - began).toBeLessThan(500)
  })
})
