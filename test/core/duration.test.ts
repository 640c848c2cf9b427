import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration, toMilliseconds } from '../../src/core/duration.js'

describe('toMilliseconds', () => {
  it.each([
    [0, 0],
    [1500, 1500],
    ['500ms', 500],
    ['10s', 10_000],
    ['15m', 900_000],
    ['30h', 108_000_000],
    ['5d', 432_000_000],
    ['1.5h', 5_400_000],
  ] as const)('reads %j', (duration, ms) => {
    expect(toMilliseconds(duration)).toBe(ms)
  })

  it.each([
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '',
    '10',
    '10 s',
    '1w',
    '-1s',
    '1e3s',
    's',
    '10s ',
    null,
    {},
    '__proto__',
  ])('refuses %j, naming what it is for', duration => {
    expect(parseDuration(duration)).toBeUndefined()
    expect(() => toMilliseconds(duration as never, 'giveUpAfter')).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.stringMatching(
          /^giveUpAfter: got .*, expected milliseconds or a length such as '30h'/,
        ),
      }),
    )
  })
})

describe('formatDuration', () => {
  it.each([
    [0, '0 seconds'],
    [400, '400 ms'],
    [1000, '1 second'],
    [59_000, '59 seconds'],
    [60_000, '1 minute'],
    [3_661_000, '1 hour 1 minute'],
    [14_400_000, '4 hours'],
    [108_000_000, '30 hours'],
    [107_700_000, '29 hours 55 minutes'],
    [107_999_000, '30 hours'],
    [172_799_000, '48 hours'],
    [183_540_000, '2 days 3 hours'],
    [3_599_600, '1 hour'],
    [432_000_000, '5 days'],
  ])('writes %d as %j', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})
