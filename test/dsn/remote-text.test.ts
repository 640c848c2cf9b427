import { describe, expect, it } from 'vitest'
import { addressText, remoteText, wrapText } from '../../src/dsn/remote-text.js'

describe('what somebody else wrote', () => {
  it('is cut behind 1,000 characters, and says so', () => {
    const text = `${'x'.repeat(99)} `.repeat(10)
    expect(remoteText(`${text}y`)).toBe(`${text} [...]`)
    expect(remoteText(`${text.slice(0, -1)}y`)).toBe(`${text.slice(0, -1)}y`)
  })

  it('has no word that a line would be too long for, an address apart', () => {
    expect(remoteText('x'.repeat(300))).toBe(`${'x'.repeat(200)} ${'x'.repeat(100)}`)
    expect(addressText('x'.repeat(300))).toBe('x'.repeat(300))
  })

  it('is wrapped at 72 columns, the indent counted', () => {
    const word = 'x'.repeat(33)
    expect(wrapText(`${word} ${word}`, '     ')).toEqual([`     ${word} ${word}`])
    expect(wrapText(`${word} ${word}`, '      ')).toEqual([`      ${word}`, `      ${word}`])
  })
})
