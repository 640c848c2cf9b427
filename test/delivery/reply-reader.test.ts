import { describe, expect, it } from 'vitest'
import { ReplyReader } from '../../src/delivery/smtp-client/reply-reader.js'

const read = (...chunks: string[]) => {
  const reader = new ReplyReader()
  return chunks.flatMap(chunk => [...reader.push(Buffer.from(chunk))])
}

describe('ReplyReader', () => {
  it('reads replies however they are cut', () => {
    const wire = '220 mx ready\r\n250-mx\r\n250-SIZE 10\r\n250 8BITMIME\r\n550 5.1.1 no such user\r\n250\r\n'
    const replies = [
      { code: 220, text: 'mx ready' },
      { code: 250, text: ['mx', 'SIZE 10', '8BITMIME'] },
      { code: 550, enhanced: '5.1.1', text: 'no such user' },
      { code: 250, text: '' },
    ]
    expect(read(wire)).toEqual(replies)
    expect(read(...wire)).toEqual(replies)
  })

  it('takes the enhanced code off every line, but only one of the class of the reply', () => {
    expect(read('550-5.7.1 no\r\n550 5.7.1 never\r\n')).toEqual([
      { code: 550, enhanced: '5.7.1', text: ['no', 'never'] },
    ])
    expect(read('550 2.0.0 odd\r\n')).toEqual([{ code: 550, text: '2.0.0 odd' }])
    expect(read('250 2.0.0\r\n')).toEqual([{ code: 250, enhanced: '2.0.0', text: '' }])
  })

  it('takes a bare LF for the end of a line, and the code of the last line for that of the reply', () => {
    expect(read('250-a\n550 b\n')).toEqual([{ code: 550, text: ['a', 'b'] }])
  })

  it('makes control characters spaces', () => {
    expect(read('550 a\u0007b\u001b[1mc\u0000\rd\r\n')).toEqual([{ code: 550, text: 'a b [1mc  d' }])
  })

  it.each(['hello\r\n', '99 no\r\n', '150 wait\r\n', '600 no\r\n', '25\r\n', '250x\r\n', '\r\n'])(
    'refuses what is no reply: %j',
    wire => {
      expect(() => read(wire)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }))
    },
  )

  it('keeps no more than a thousand characters of a line', () => {
    expect(read(`550 ${'a'.repeat(4000)}\r\n`)).toEqual([{ code: 550, text: 'a'.repeat(1000) }])
  })

  it('refuses a line, ended or not, that is too long, and a reply of too many lines', () => {
    expect(() => read(`250 ${'a'.repeat(5000)}`)).toThrow(/more than 4096 octets/)
    expect(() => read(`250 ${'a'.repeat(5000)}\r\n`)).toThrow(/more than 4096 octets/)
    expect(() => read('250-a\r\n'.repeat(128))).toThrow(/more than 128 lines/)
    expect(() => read('250-a\r\n'.repeat(127), '250 a\r\n')).not.toThrow()
  })
})
