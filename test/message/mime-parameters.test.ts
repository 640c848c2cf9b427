import { describe, expect, it } from 'vitest'
import { parseParameterized } from '../../src/message/mime-parameters.js'

describe('parseParameterized', () => {
  it.each([
    ['text/plain', 'text/plain', {}],
    ['Text/PLAIN; Charset=UTF-8', 'text/plain', { charset: 'UTF-8' }],
    ['multipart/mixed; boundary="a b;=\\"c"', 'multipart/mixed', { boundary: 'a b;="c' }],
    ['text/plain (a comment; x=y (nested) \\)); a = b (c)', 'text/plain', { a: 'b' }],
    ['attachment; filename="a (1).txt"', 'attachment', { filename: 'a (1).txt' }],
    ['a/b; filename*0*=utf-8\'\'x; filename*1="y"', 'a/b', { 'filename*0*': "utf-8''x", 'filename*1': 'y' }],
    ['a/b; x=1; X=2; ; flag; =3; y="', 'a/b', { x: '1', flag: '', y: '' }],
    ['a/b; x="unterminated', 'a/b', { x: 'unterminated' }],
    ['a/b; x=(unterminated', 'a/b', { x: '' }],
    ['', '', {}],
    [';;;', '', {}],
  ])('reads %j', (field, value, parameters) => {
    const parsed = parseParameterized(field)
    expect(parsed.value).toBe(value)
    expect(Object.fromEntries(parsed.parameters)).toEqual(parameters)
  })

  it('keeps prototype names as what they are', () => {
    const { parameters } = parseParameterized('a/b; __proto__=x; constructor=y')
    expect([...parameters]).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
    expect(parameters.get('toString')).toBeUndefined()
  })

  it.each([
    ['parameters', 'a/b; '.concat('a=b; '.repeat(200_000))],
    ['different parameters', `a/b${Array.from({ length: 100_000 }, (_, index) => `; p${index}=v`).join('')}`],
    ['comments', '('.repeat(1_000_000)],
    ['quotes', 'a/b; x='.concat('"a"'.repeat(300_000))],
    ['blanks', `a/b; x=${' '.repeat(1_000_000)}y`],
  ])('takes linear time and bounded memory over a flood of %s', (_, field) => {
    const began = performance.now()
    expect(parseParameterized(field).parameters.size).toBeLessThanOrEqual(100)
    expect(performance.now() - began).toBeLessThan(1000)
  })
})
