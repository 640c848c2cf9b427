import { describe, expect, it } from 'vitest'
import { LineReader, overlong } from '../../src/pop3/line-reader.js'

function linesOf(reader: LineReader, ...chunks: string[]): unknown[] {
  const lines: unknown[] = []
  for (const chunk of chunks) {
    reader.push(Buffer.from(chunk))
    for (let line = reader.next(); line !== undefined; line = reader.next()) {
      lines.push(line === overlong ? overlong : line.toString())
    }
  }
  return lines
}

describe('the line reader', () => {
  it('cuts at CRLF and LF, in pieces of any size', () => {
    const text = 'one\r\ntwo\n\r\nfo\rur\r\n'
    expect(linesOf(new LineReader(10), text)).toEqual(['one', 'two', '', 'fo\rur'])
    expect(linesOf(new LineReader(10), ...text)).toEqual(['one', 'two', '', 'fo\rur'])
  })

  it('takes the longest line and none longer, and goes on after it', () => {
    expect(linesOf(new LineReader(4), 'four\r\nfives\r\nsix\r\n')).toEqual(['four', overlong, 'six'])
    expect(linesOf(new LineReader(4), ...'four\r\nfives\r\nsix\r\n')).toEqual(['four', overlong, 'six'])
  })

  it('tells of a line without end once, when it ends', () => {
    const reader = new LineReader(4)
    expect(linesOf(reader, ...Array<string>(1_000).fill('x'.repeat(1_000)))).toEqual([])
    expect(linesOf(reader, 'x\r\nnext\r\n')).toEqual([overlong, 'next'])
  })

  it('forgets a part of a line', () => {
    const reader = new LineReader(10)
    expect(linesOf(reader, 'whole\r\npart')).toEqual(['whole'])
    reader.clear()
    expect(linesOf(reader, 'new\r\n')).toEqual(['new'])
  })
})
