import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatField } from '../../src/message/fold.js'
import { parseHeader } from '../../src/message/header.js'

describe('formatField', () => {
  it('leaves a short field on one line', () => {
    expect(formatField('Subject', 'hello')).toBe('Subject: hello\r\n')
    expect(formatField('Subject', '')).toBe('Subject:\r\n')
  })

  it('folds a long one at blanks, at 78 columns', () => {
    const value = Array.from({ length: 40 }, (_, index) => `word${index}`).join(' ')
    const field = formatField('References', value)
    const lines = field.trimEnd().split('\r\n')
    expect(lines.length).toBeGreaterThan(3)
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(78)
    expect(parseHeader(Buffer.from(field)).get('references')?.value.replaceAll('\t', ' ')).toBe(value)
  })

  it('keeps a word whole that is longer than a line', () => {
    const word = 'x'.repeat(500)
    expect(formatField('X-Long', `a ${word} b`)).toBe(`X-Long: a\r\n\t${word}\r\n\tb\r\n`)
  })

  it('makes one field of whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
        const header = parseHeader(Buffer.from(formatField(`X${name}`, `${value}\r\n\r\nbody`)))
        expect(header.fields).toHaveLength(1)
        expect(header.fields[0]?.name).toMatch(/^X/)
      }),
    )
  })
})
