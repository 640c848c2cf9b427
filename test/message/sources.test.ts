import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MessageSource } from '../../src/message/message-source.js'
import { bytesSource, concatSources, readAll } from '../../src/message/sources.js'

const read = async (source: MessageSource, range?: { start?: number; end?: number }) => {
  const chunks: Uint8Array[] = []
  for await (const chunk of source.open(range)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** A source that does not hold its bytes as one piece. */
const scattered = (text: string): MessageSource => {
  const { size, open } = bytesSource(text)
  return { size, open }
}

describe('bytesSource', () => {
  it('reads ranges, as often as wanted', async () => {
    const source = bytesSource('hello')
    expect(
      await Promise.all([read(source), read(source, { start: 1, end: 3 }), read(source, { start: 4 })]),
    ).toEqual(['hello', 'el', 'o'])
    expect(await read(source, { start: 9 })).toBe('')
    expect(await read(source, { end: 99 })).toBe('hello')
  })

  it('hands out large bytes in pieces', async () => {
    const chunks: Uint8Array[] = []
    for await (const chunk of bytesSource(Buffer.alloc(200_000)).open()) chunks.push(chunk)
    expect(chunks.map(chunk => chunk.length)).toEqual([65_536, 65_536, 65_536, 3392])
  })
})

describe('concatSources', () => {
  it('joins what is small and in memory', async () => {
    const joined = concatSources([bytesSource('ab'), bytesSource(''), bytesSource('c')])
    expect(joined.bytes?.toString()).toBe('abc')
    expect(concatSources([bytesSource('ab'), scattered('c')]).bytes).toBeUndefined()
    expect((await readAll(concatSources([]))).length).toBe(0)
  })

  it('reads any range as if it were one piece', async () => {
    const parts = fc.array(fc.tuple(fc.string({ maxLength: 8, unit: 'grapheme-ascii' }), fc.boolean()), {
      maxLength: 6,
    })
    await fc.assert(
      fc.asyncProperty(parts, fc.nat(60), fc.nat(60), async (pieces, start, end) => {
        const joined = concatSources(
          pieces.map(([text, held]) => (held ? bytesSource(text) : scattered(text))),
        )
        const whole = pieces.map(([text]) => text).join('')
        expect(joined.size).toBe(whole.length)
        expect(await read(joined, { start, end })).toBe(whole.slice(start, Math.max(start, end)))
        expect((await readAll(joined)).toString()).toBe(whole)
      }),
    )
  })
})
