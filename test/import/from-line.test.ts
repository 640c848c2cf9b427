import { describe, expect, it } from 'vitest'
import { formatFromLine, parseFromLine } from '../../src/import/mbox/from-line.js'

const instant = Date.UTC(2026, 6, 4, 15, 30, 5)

describe('the line that begins a message of an mbox', () => {
  it.each([
    ['From ann@example.test Sat Jul  4 15:30:05 2026', 'ann@example.test', instant],
    ['From - Sat Jul 04 15:30:05 2026', '-', instant],
    ['From 1783@xxx Sat Jul 04 15:30:05 +0000 2026', '1783@xxx', instant],
    ['From ann Sat Jul  4 17:30:05 2026 +0200', 'ann', instant],
    ['From ann Sat Jul  4 10:00:05 -0530 2026', 'ann', instant],
    ['From ann Sat Jul  4 15:30:05 GMT 2026', 'ann', instant],
    ['From ann  Sat Jul  4 15:30:05 CET MEST 2026', 'ann', instant],
    ['From "a b"@example.test Sat Jul  4 15:30:05 2026', '"a b"@example.test', instant],
    ['From ann Sat Jul  4 15:30 2026 remote from paris', 'ann', instant - 5_000],
    ['From Sat Jul  4 15:30:05 2026', '', instant],
  ])('%s', (line, sender, date) => {
    expect(parseFromLine(line)).toEqual({ sender, date })
  })

  it.each([
    'From here to there',
    'From ann Sat Jul 4 2026',
    'From ann',
    'From ann Sat Jul  4 15:30:05 2026 and more',
  ])('has no date: %s', line => {
    expect(parseFromLine(line).date).toBeUndefined()
  })

  it('is written so that it can be read', () => {
    for (const date of [0, instant, -1_000, Date.UTC(1999, 11, 31, 23, 59, 59)]) {
      expect(parseFromLine(formatFromLine('ann@example.test', date))).toEqual({
        sender: 'ann@example.test',
        date,
      })
    }
    for (const sender of ['', 'a b@example.test', 'ø@example.test', 'a\nFrom b', 'x'.repeat(600)]) {
      expect(formatFromLine(sender, instant)).toBe('From MAILER-DAEMON Sat Jul  4 15:30:05 2026\n')
    }
    expect(formatFromLine('a', Number.MAX_VALUE)).toMatch(/9999\n$/)
  })

  it('costs little, whatever it is', () => {
    for (const line of [
      `From ${'Sat Jul '.repeat(120)}`,
      `From Sat${' '.repeat(1_000)}`,
      `From ${' '.repeat(1_000)}`,
    ]) {
      for (let round = 0; round < 1_000; round++) expect(parseFromLine(line).date).toBeUndefined()
    }
  }, 5_000)
})
