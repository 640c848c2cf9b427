import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readHeader } from '../../src/message/header.js'
import type { MessageSource } from '../../src/message/message-source.js'
import { bytesSource } from '../../src/message/sources.js'

/** The same bytes as a source that is not in memory and comes in chunks of `step`. Counts what was read of it. */
function streamed(bytes: Buffer, step: number) {
  const seen = { octets: 0 }
  const source: MessageSource = {
    size: bytes.length,
    async *open(range = {}) {
      const end = Math.min(range.end ?? bytes.length, bytes.length)
      for (let at = range.start ?? 0; at < end; at += step) {
        const chunk = bytes.subarray(at, Math.min(at + step, end))
        seen.octets += chunk.length
        yield chunk
      }
    },
  }
  return { source, seen }
}

const text = [
  'Received: from a.example',
  '\tby b.example; Thu, 1 Jan 2026 00:00:00 +0000',
  'subject : =?utf-8?q?hello?=',
  'Received: from c.example',
  'X-Utf8: grüße',
  'X-Folded: a',
  '  b ',
  '',
  'Subject: not this one',
].join('\r\n')

describe('readHeader', () => {
  it('reads fields with their exact octets and unfolded values', async () => {
    const bytes = Buffer.from(text)
    const header = await readHeader(bytesSource(bytes))
    expect(header.fields.map(field => [field.name, field.value])).toEqual([
      ['Received', 'from a.example\tby b.example; Thu, 1 Jan 2026 00:00:00 +0000'],
      ['subject', '=?utf-8?q?hello?='],
      ['Received', 'from c.example'],
      ['X-Utf8', 'grüße'],
      ['X-Folded', 'a  b'],
    ])
    expect(header.size).toBe(bytes.indexOf('Subject: not'))
    expect(header.fields.map(field => field.raw).join('')).toBe(
      bytes.subarray(0, header.size - 2).toString('latin1'),
    )
    expect(header.get('SUBJECT')?.value).toBe('=?utf-8?q?hello?=')
    expect(header.all('received')).toHaveLength(2)
    expect(header.get('to')).toBeUndefined()
    expect(header.all('to')).toEqual([])
    expect(header.complete).toBe(true)
  })

  it.each([1, 2, 3, 7, 4096])('reads the same from a stream of %d octet chunks', async step => {
    const bytes = Buffer.from(text)
    const fromMemory = await readHeader(bytesSource(bytes))
    const fromStream = await readHeader(streamed(bytes, step).source)
    expect(fromStream.fields.map(field => field.raw)).toEqual(fromMemory.fields.map(field => field.raw))
    expect(fromStream.size).toBe(fromMemory.size)
  })

  it('does not read on into the body', async () => {
    const { source, seen } = streamed(Buffer.from(`A: b\r\n\r\n${'x'.repeat(1_000_000)}`), 1000)
    await readHeader(source)
    expect(seen.octets).toBe(1000)
  })

  it.each([
    ['', 0, []],
    ['\r\nbody', 2, []],
    ['\nbody', 1, []],
    ['A: b', 4, ['A']],
    ['A: b\r\n', 6, ['A']],
    ['A: b\n\nbody', 6, ['A']],
    ['A: b\n c\nD: e\n\r\nbody', 15, ['A', 'D']],
    ['A: b\r\rC: d\r\n\r\n', 14, ['A']],
    [' not folded\r\nA: b\r\n\r\n', 21, ['', 'A']],
    ['From alice Thu Jan 1\r\nA: b\r\n\r\n', 30, ['', 'A']],
    ['no colon\r\n: no name\r\nbad name: x\r\n\r\n', 36, ['', '', '']],
  ])('takes %j as it comes', async (message, size, names) => {
    const header = await readHeader(bytesSource(message))
    expect(header.fields.map(field => field.name)).toEqual(names)
    expect(header.size).toBe(size)
    expect(header.complete).toBe(true)
  })

  it('does not take an own name for an inherited one', async () => {
    const header = await readHeader(bytesSource('__proto__: a\r\nconstructor: b\r\n\r\n'))
    expect(header.get('__proto__')?.value).toBe('a')
    expect(header.get('constructor')?.value).toBe('b')
    expect(header.get('toString')).toBeUndefined()
  })

  it('keeps octets that are no UTF-8 as latin1', async () => {
    const header = await readHeader(bytesSource(Buffer.from('A: gr\xfc\xdfe\r\n\r\n', 'latin1')))
    expect(header.get('a')?.value).toBe('gr\u00fc\u00dfe')
  })

  it('gives up after 1 MiB without failing, from memory and from a stream', async () => {
    const bytes = Buffer.from(`A: b\r\n${'X: y\r\n'.repeat(10)}Z: ${'z'.repeat(3_000_000)}\r\n\r\n`)
    const { source, seen } = streamed(bytes, 65_536)
    for (const header of [await readHeader(bytesSource(bytes)), await readHeader(source)]) {
      expect(header.complete).toBe(false)
      expect(header.size).toBe(1024 * 1024)
      expect(header.fields).toHaveLength(12)
    }
    expect(seen.octets).toBe(1024 * 1024)
  })

  it('reads 10,000 fields of a flood of them, and knows where the body begins', async () => {
    const bytes = Buffer.from(`${'a:\n'.repeat(300_000)}\nbody`)
    const header = await readHeader(bytesSource(bytes))
    expect(header.fields).toHaveLength(10_000)
    expect(header.complete).toBe(false)
    expect(header.size).toBe(900_001)
  })

  it.each([
    ['blanks before a colon', `A${' '.repeat(900_000)}x: y\r\n\r\n`],
    ['blanks in a value', `A: x${' '.repeat(900_000)}y\r\n\r\n`],
    ['carriage returns', `A: ${'\r'.repeat(900_000)}x\r\n\r\n`],
    ['continuation lines', `A: x\r\n${' \r\n'.repeat(300_000)}\r\n`],
    ['lines without a colon', `${'x\r\n'.repeat(300_000)}\r\n`],
  ])('takes linear time over %s', async (_, message) => {
    const began = performance.now()
    const header = await readHeader(bytesSource(message))
    for (const field of header.fields) expect(field.name + field.value).toBeTypeOf('string')
    expect(performance.now() - began).toBeLessThan(1000)
  })

  it('loses no octet of any header', async () => {
    const lines = fc.array(fc.constantFrom('A: b', ' c', '\t', 'x', ':', '\r', 'D:', 'é'), { maxLength: 12 })
    const messages = fc
      .tuple(lines, fc.constantFrom('\r\n', '\n'))
      .map(([parts, lineBreak]) => parts.map(part => part + lineBreak).join(''))
    await fc.assert(
      fc.asyncProperty(messages, fc.integer({ min: 1, max: 9 }), async (message, step) => {
        const bytes = Buffer.from(`${message}\r\nbody: x`)
        const header = await readHeader(streamed(bytes, step).source)
        const raw = header.fields.map(field => field.raw).join('')
        expect(bytes.toString('latin1').startsWith(raw)).toBe(true)
        expect(bytes.subarray(raw.length, header.size).toString()).toMatch(/^\r?\n$/)
      }),
    )
  })
})
