import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DotStuffing } from '../../src/pop3/dot-stuffing.js'
import { MessageTop } from '../../src/pop3/message-top.js'

/** The response for a message that comes in these pieces. */
function send(...pieces: string[]): string {
  const stuffing = new DotStuffing()
  const sent = pieces.map(piece =>
    Buffer.from(stuffing.push(Buffer.from(piece, 'latin1'))).toString('latin1'),
  )
  return sent.join('') + stuffing.end()
}

/** What a client that cuts lines at `lineBreak` reads, and what is left behind the end. */
function read(response: string, lineBreak: '\r\n' | '\n'): { message: string; left: string } {
  let message = ''
  let rest = response
  for (;;) {
    const end = rest.indexOf(lineBreak)
    if (end < 0) throw new Error('no end')
    const line = rest.slice(0, end)
    rest = rest.slice(end + lineBreak.length)
    if (line === '.' || line === '.\r') return { message, left: rest }
    message += (line.startsWith('.') ? line.slice(1) : line) + lineBreak
  }
}

const wild = fc.array(fc.constantFrom('\r', '\n', '.', 'a', '\0', '\r\n', '\r\n.', '\n.', '.\r\n'), {
  maxLength: 30,
})

describe('byte-stuffing (RFC 1939 §3)', () => {
  it('doubles the dot at the beginning of a line and ends with CRLF . CRLF', () => {
    expect(send('.a\r\nb.\r\n..\r\n')).toBe('..a\r\nb.\r\n...\r\n.\r\n')
    expect(send('')).toBe('.\r\n')
    expect(send('a')).toBe('a\r\n.\r\n')
    expect(send('a\r')).toBe('a\r\r\n.\r\n')
  })

  it('sends a bare LF as CRLF and leaves a bare CR alone', () => {
    expect(send('a\n.\nb\r.\r\n')).toBe('a\r\n..\r\nb\r.\r\n.\r\n')
    expect(send('\n')).toBe('\r\n.\r\n')
  })

  it('gives the same in one piece and in any others', () => {
    fc.assert(
      fc.property(wild, pieces => {
        expect(send(...pieces)).toBe(send(pieces.join('')))
      }),
    )
  })

  it('lets clients that cut at CRLF and at LF agree on the end, whatever the message holds', () => {
    fc.assert(
      fc.property(wild, pieces => {
        const response = send(...pieces)
        for (const lineBreak of ['\r\n', '\n'] as const)
          expect(read(`${response}+OK`, lineBreak).left).toBe('+OK')
      }),
    )
  })

  it('lets the client read every message with CRLF line breaks as it was stored', () => {
    const lines = fc.array(fc.string({ unit: fc.constantFrom('.', 'a', ' ', '\r', '\t') }), { minLength: 1 })
    fc.assert(
      fc.property(lines, texts => {
        const message = texts.map(text => `${text}\r\n`).join('')
        expect(read(send(message), '\r\n').message).toBe(message)
      }),
    )
  })
})

describe('the top of a message', () => {
  const message = 'A: 1\r\nB: 2\r\n\r\none\r\n\r\nthree\r\nfour'
  const top = (lines: number, ...pieces: string[]) => {
    const cut = new MessageTop(lines)
    let kept = ''
    for (const piece of pieces) if (!cut.done) kept += Buffer.from(cut.push(Buffer.from(piece))).toString()
    return kept
  }

  it('is the header, the empty line and as many lines', () => {
    expect(top(0, message)).toBe('A: 1\r\nB: 2\r\n\r\n')
    expect(top(1, message)).toBe('A: 1\r\nB: 2\r\n\r\none\r\n')
    expect(top(3, message)).toBe('A: 1\r\nB: 2\r\n\r\none\r\n\r\nthree\r\n')
    expect(top(9, message)).toBe(message)
    expect(top(1, '\r\none\r\ntwo\r\n')).toBe('\r\none\r\n')
    expect(top(0, 'A: 1\n\nbody\n')).toBe('A: 1\n\n')
  })

  it('is the same octet by octet', () => {
    for (const lines of [0, 1, 2, 3, 4]) expect(top(lines, ...message)).toBe(top(lines, message))
  })
})
