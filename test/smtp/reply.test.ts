import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanText, describeReply, formatReply, replies, reply, replyText } from '../../src/smtp/reply.js'

describe('formatReply', () => {
  it('writes one line, with and without an enhanced code', () => {
    expect(formatReply(reply(220, undefined, 'mx.test ESMTP'))).toBe('220 mx.test ESMTP\r\n')
    expect(formatReply(reply(550, '5.1.1', 'No such user'))).toBe('550 5.1.1 No such user\r\n')
    expect(formatReply(reply(250, undefined, ''))).toBe('250 \r\n')
    expect(formatReply(reply(250, '2.0.0', []))).toBe('250 2.0.0 \r\n')
  })

  it('writes several lines with the enhanced code on each (RFC 2034 §4)', () => {
    expect(formatReply(reply(250, '2.1.0', ['one', 'two', 'three']))).toBe(
      '250-2.1.0 one\r\n250-2.1.0 two\r\n250 2.1.0 three\r\n',
    )
  })

  it('cannot be split by its text', () => {
    expect(formatReply(reply(550, undefined, 'a\r\n250 ok'))).toBe('550 a  250 ok\r\n')
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 8 }), { minLength: 1, maxLength: 4 }),
        text => {
          const wire = formatReply(reply(450, '4.2.0', text))
          const lines = wire.split('\r\n')
          expect(lines.pop()).toBe('')
          expect(lines).toHaveLength(text.length)
          expect(lines.join('')).not.toMatch(/[\p{Cc}\u2028\u2029]/u)
          for (const [index, line] of lines.entries()) {
            expect(line.startsWith(index === lines.length - 1 ? '450 4.2.0 ' : '450-4.2.0 ')).toBe(true)
          }
        },
      ),
    )
  })
})

describe('describeReply', () => {
  it('puts a reply on one line', () => {
    expect(describeReply(reply(550, '5.1.1', ['No such user', 'see\r\nhttp://a.test']))).toBe(
      '550 5.1.1 No such user see  http://a.test',
    )
    expect(replyText(reply(250, undefined, ['a', 'b']))).toBe('a b')
    expect(cleanText('a\u0085\u2028b\tc')).toBe('a  b c')
  })
})

describe('replies', () => {
  it('are well-formed, and their codes agree with their enhanced codes', () => {
    for (const { code, enhanced } of Object.values(replies)) {
      expect(enhanced).toMatch(/^[245]\.\d{1,3}\.\d{1,3}$/)
      expect(enhanced?.[0]).toBe(String(code)[0])
    }
  })
})
