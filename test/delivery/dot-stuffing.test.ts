import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DotStuffer } from '../../src/delivery/smtp-client/dot-stuffing.js'

function stuff(...chunks: string[]): string {
  const stuffer = new DotStuffer()
  const out = chunks.map(chunk => stuffer.push(Buffer.from(chunk, 'latin1')))
  return Buffer.concat([...out, stuffer.end()]).toString('latin1')
}

/** What is to come out, written plainly. */
function plainly(message: string): string {
  const lines = message.replace(/\r\n|\r|\n/g, '\n').split('\n')
  if (lines.at(-1) === '') lines.pop()
  return `${lines.map(line => `${line.startsWith('.') ? '.' : ''}${line}\r\n`).join('')}.\r\n`
}

describe('DotStuffer', () => {
  it.each([
    ['nothing', '', '.\r\n'],
    ['a line', 'a\r\n', 'a\r\n.\r\n'],
    ['a line without its end', 'a', 'a\r\n.\r\n'],
    ['a dot first', '.', '..\r\n.\r\n'],
    ['the end of data', 'a\r\n.\r\nMAIL', 'a\r\n..\r\nMAIL\r\n.\r\n'],
    ['a bare LF around a dot', 'a\n.\nMAIL', 'a\r\n..\r\nMAIL\r\n.\r\n'],
    ['a bare CR around a dot', 'a\r.\rMAIL', 'a\r\n..\r\nMAIL\r\n.\r\n'],
    ['LF, dot, CRLF', 'a\n.\r\nMAIL', 'a\r\n..\r\nMAIL\r\n.\r\n'],
    ['CRLF, dot, LF', 'a\r\n.\nMAIL', 'a\r\n..\r\nMAIL\r\n.\r\n'],
    ['CRLF, dot, CR', 'a\r\n.\rMAIL', 'a\r\n..\r\nMAIL\r\n.\r\n'],
    ['CR CR LF', 'a\r\r\n.b', 'a\r\n\r\n..b\r\n.\r\n'],
    ['CR at the end', 'a\r', 'a\r\n.\r\n'],
    ['NUL between CR and LF', 'a\r\u0000\n.', 'a\r\n\u0000\r\n..\r\n.\r\n'],
    ['dots in a line', 'a.b\r\nc..\r\n', 'a.b\r\nc..\r\n.\r\n'],
  ])('writes %s', (_, message, wire) => {
    expect(stuff(message)).toBe(wire)
  })

  it('gives the same however the bytes are cut', () => {
    const letters = fc.constantFrom('\r', '\n', '.', 'a', '\u0000', '\r\n', '\r\n.', '\r\n.\r\n')
    fc.assert(
      fc.property(fc.array(fc.array(letters, { maxLength: 6 }), { maxLength: 8 }), cut => {
        const chunks = cut.map(chunk => chunk.join(''))
        expect(stuff(...chunks)).toBe(plainly(chunks.join('')))
      }),
      { numRuns: 3000 },
    )
  })

  it('lets nothing leave that any server could take for the end of the message', () => {
    const letters = fc.constantFrom('\r', '\n', '.', 'a', '\u0000')
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 40 }), message => {
        const wire = stuff(...message)
        expect(wire.slice(0, -3)).not.toMatch(/(^|[\r\n])\.(?=[\r\n])/)
        expect(wire).not.toMatch(/\r(?!\n)|(?<!\r)\n/)
      }),
      { numRuns: 3000 },
    )
  })

  it('hands on the very bytes where there is nothing to change', () => {
    const chunk = Buffer.from('a line\r\nand another\r\n')
    const wire = new DotStuffer().push(chunk)
    expect([wire.buffer, wire.byteOffset]).toEqual([chunk.buffer, chunk.byteOffset])
  })
})
