import { describe, expect, it } from 'vitest'
import { normalizeFlags, normalizeSpecialUse } from '../../src/store/flags.js'

describe('normalizeFlags', () => {
  it('spells known flags one way and leaves the others', () => {
    expect(normalizeFlags(['\\SEEN', '\\draft', '$junk', 'Work', 'work', '\\Extension'])).toEqual([
      '\\Seen',
      '\\Draft',
      '$Junk',
      'Work',
      'work',
      '\\Extension',
    ])
  })

  it('names each flag once', () => {
    expect(normalizeFlags(['\\Seen', '\\seen', 'x', 'x'])).toEqual(['\\Seen', 'x'])
  })

  it.each([
    '',
    '\\',
    '\\\\Seen',
    '\\Recent',
    '\\rECENT',
    'a b',
    'a(',
    'a)b'.replace(')', '{'),
    '50%',
    '*',
    'a"b',
    'a\\b',
    'a]',
    'a\r\nb',
    'a\u0000',
    'caf\u00e9',
    'x'.repeat(256),
  ])('refuses %j', flag => {
    expect(() => normalizeFlags([flag])).toThrowError(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })

  it.each([[undefined], ['\\Seen'], [[5]]])('refuses %j for flags', flags => {
    expect(() => normalizeFlags(flags as never)).toThrowError(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })
})

describe('normalizeSpecialUse', () => {
  it('spells a special use one way, and refuses what is none', () => {
    expect(normalizeSpecialUse('\\SENT')).toBe('\\Sent')
    for (const wrong of ['Sent', '\\Inbox', '__proto__', 5]) {
      expect(() => normalizeSpecialUse(wrong as string)).toThrowError(
        expect.objectContaining({ code: 'OPTION_INVALID' }),
      )
    }
  })
})
