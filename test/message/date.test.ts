import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDate } from '../../src/message/date.js'

describe('formatDate', () => {
  it.each([
    [Date.UTC(2026, 0, 1), 'Thu, 1 Jan 2026 00:00:00 +0000'],
    [Date.UTC(2024, 1, 29, 23, 59, 59, 999), 'Thu, 29 Feb 2024 23:59:59 +0000'],
    [0, 'Thu, 1 Jan 1970 00:00:00 +0000'],
    [-1, 'Wed, 31 Dec 1969 23:59:59 +0000'],
    [Number.NaN, 'Thu, 1 Jan 1970 00:00:00 +0000'],
    [Number.NEGATIVE_INFINITY, 'Mon, 1 Jan 1900 00:00:00 +0000'],
    [Number.POSITIVE_INFINITY, 'Fri, 31 Dec 9999 23:59:59 +0000'],
  ])('writes %d as RFC 5322 §3.3 does', (instant, text) => {
    expect(formatDate(instant)).toBe(text)
  })

  it('writes what reads back as the same second', () => {
    const instants = fc.integer({ min: Date.UTC(1900, 0, 1) / 1000, max: Date.UTC(9999, 11, 31) / 1000 })
    fc.assert(
      fc.property(instants, seconds => {
        const text = formatDate(seconds * 1000)
        expect(text).toMatch(/^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} \+0000$/)
        expect(Date.parse(text)).toBe(seconds * 1000)
      }),
    )
  })
})
