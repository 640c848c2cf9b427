import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MessageSource } from '../../src/message/message-source.js'
import { bytesSource } from '../../src/message/sources.js'
import { type MimePart, parseStructure } from '../../src/message/structure.js'

const lines = (...text: string[]) => text.join('\r\n')

function inChunks(bytes: Buffer, step: number): MessageSource {
  return {
    size: bytes.length,
    async *open() {
      for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
    },
  }
}

/** The tree as data, with the text of each body. */
function outline(part: MimePart, message: Buffer): object {
  return {
    type: `${part.type}/${part.subtype}`,
    body: message.subarray(part.bodyStart, part.bodyEnd).toString(),
    lines: part.lines,
    ...(part.children.length > 0 && { children: part.children.map(child => outline(child, message)) }),
    ...(part.message && { message: outline(part.message, message) }),
  }
}

async function outlineOf(text: string) {
  const { root } = await parseStructure(bytesSource(text))
  return outline(root, Buffer.from(text))
}

const nested = lines(
  'Subject: outer',
  'Content-Type: multipart/mixed; boundary=outer',
  '',
  'preamble',
  '--outer',
  '',
  'first',
  'part',
  '--outer  ',
  'Content-Type: multipart/alternative; boundary="in ner"',
  '',
  '--in ner',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: Quoted-Printable',
  'Content-ID: <x@y>',
  '',
  '<p>',
  '',
  '--in ner--',
  'epilogue of the inner',
  '--in ner',
  'no part of anything',
  '--outer',
  'Content-Type: message/rfc822',
  '',
  'Subject: forwarded',
  '',
  'inside',
  '--outer--',
  'epilogue',
)

describe('parseStructure', () => {
  it('reads a message without MIME as text/plain', async () => {
    expect(await outlineOf('Subject: x\r\n\r\nhello\r\nthere')).toEqual({
      type: 'text/plain',
      body: 'hello\r\nthere',
      lines: 2,
    })
  })

  it('reads multiparts, nested messages, preamble and epilogue', async () => {
    expect(await outlineOf(nested)).toMatchObject({
      type: 'multipart/mixed',
      children: [
        { type: 'text/plain', body: 'first\r\npart', lines: 2 },
        { type: 'multipart/alternative', children: [{ type: 'text/html', body: '<p>\r\n', lines: 1 }] },
        {
          type: 'message/rfc822',
          body: 'Subject: forwarded\r\n\r\ninside',
          lines: 3,
          message: { type: 'text/plain', body: 'inside', lines: 1 },
        },
      ],
    })
    const { root, parts, complete } = await parseStructure(bytesSource(nested))
    expect({ parts, complete, children: root.children.length }).toEqual({
      parts: 6,
      complete: true,
      children: 3,
    })
    expect(root.children[1]?.children).toHaveLength(1)
  })

  it('knows where each part lies, and what its header says', async () => {
    const { root } = await parseStructure(bytesSource(nested))
    const html = root.children[1]?.children[0]
    expect(html?.encoding).toBe('quoted-printable')
    expect(html?.parameters.get('charset')).toBe('utf-8')
    expect(html?.header.get('content-id')?.value).toBe('<x@y>')
    expect(nested.slice(html?.headerStart, html?.bodyStart)).toBe(
      lines(
        'Content-Type: text/html; charset=utf-8',
        'Content-Transfer-Encoding: Quoted-Printable',
        'Content-ID: <x@y>',
        '',
        '',
      ),
    )
    expect(root.header.get('subject')?.value).toBe('outer')
    expect(root.bodyEnd).toBe(nested.length)
    const forwarded = root.children[2]?.message
    expect(forwarded?.headerStart).toBe(root.children[2]?.bodyStart)
    expect(forwarded?.header.get('subject')?.value).toBe('forwarded')
  })

  it('reads the same whatever chunks the bytes come in, and with bare line feeds', async () => {
    const bytes = Buffer.from(nested)
    const whole = outline((await parseStructure(bytesSource(bytes))).root, bytes)
    for (let step = 1; step < 40; step++) {
      const { root } = await parseStructure(inChunks(bytes, step))
      expect(outline(root, bytes)).toEqual(whole)
    }
    const bare = Buffer.from(nested.replaceAll('\r', ''))
    const { root } = await parseStructure(inChunks(bare, 7))
    expect(JSON.stringify(outline(root, bare))).toBe(JSON.stringify(whole).replaceAll('\\r', ''))
  })

  it('takes parts of a digest for messages (RFC 2046 §5.1.5)', async () => {
    const text = lines(
      'Content-Type: multipart/digest; boundary=b',
      '',
      '--b',
      '',
      'Subject: s',
      '',
      'x',
      '--b--',
    )
    expect(await outlineOf(text)).toMatchObject({
      children: [{ type: 'message/rfc822', message: { type: 'text/plain', body: 'x' } }],
    })
  })

  it('leaves an encoded message/rfc822 closed', async () => {
    const text = lines(
      'Content-Type: message/rfc822',
      'Content-Transfer-Encoding: base64',
      '',
      'U3ViamVjdDo=',
    )
    expect(await outlineOf(text)).toEqual({ type: 'message/rfc822', body: 'U3ViamVjdDo=', lines: 1 })
  })

  it.each([
    ['', { type: 'text/plain', body: '', lines: 0 }],
    ['Content-Type: multipart/mixed; boundary=b', { type: 'multipart/mixed', body: '', lines: 0 }],
    ['Content-Type: multipart/mixed\r\n\r\n--\r\n--\r\n', { type: 'multipart/mixed', lines: 2 }],
    ['Content-Type: nonsense\r\n\r\nx\r\n', { type: 'text/plain', body: 'x\r\n', lines: 1 }],
    ['Content-Type: a/b; boundary=b\r\n\r\n--b\r\n', { type: 'a/b', body: '--b\r\n', lines: 1 }],
  ])('takes %j as it comes', async (text, expected) => {
    expect(await outlineOf(text)).toMatchObject(expected)
  })

  it.each([
    ['an empty part', ['--b', '', '--b--'], [{ body: '', lines: 0 }]],
    ['a part of one empty line', ['--b', '', '', '--b--'], [{ body: '', lines: 0 }]],
    ['a part of two empty lines', ['--b', '', '', '', '--b--'], [{ body: '\r\n', lines: 1 }]],
    ['a part without a body', ['--b', 'X: y', '--b--'], [{ body: '', lines: 0 }]],
    ['parts without anything', ['--b', '--b', '--b--'], [{ body: '' }, { body: '' }]],
    ['a multipart that is not closed', ['--b', '', 'x'], [{ body: 'x', lines: 1 }]],
    ['lines that only look like a boundary', ['--b', '', '--bb', '-- b', '-b', ' --b'], [{ lines: 4 }]],
  ])('reads %s', async (_, body, children) => {
    const text = lines('Content-Type: multipart/mixed; boundary=b', '', ...body)
    expect(await outlineOf(text)).toMatchObject({ children })
    expect(((await outlineOf(text)) as { children: object[] }).children).toHaveLength(children.length)
  })

  it('lets an outer boundary end what is open inside, also one of the same name', async () => {
    const text = lines(
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: multipart/mixed; boundary=c',
      '',
      '--c',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      '',
      'innermost',
      '--b--',
      '--b',
      '',
      'second',
    )
    expect(await outlineOf(text)).toMatchObject({
      children: [{ children: [{ children: [{ body: 'innermost' }] }] }, { body: 'second' }],
    })
  })

  it('is not led astray by prototype names', async () => {
    const text = lines(
      'Content-Type: multipart/mixed; boundary=__proto__',
      '',
      '--constructor',
      '--__proto__',
      '',
      'x',
    )
    expect(await outlineOf(text)).toMatchObject({ children: [{ body: 'x' }] })
  })

  it('finds every part of a generated tree', async () => {
    const leaf = fc.record({
      body: fc.array(fc.constantFrom('x', '', '--', '--0', 'A: b'), { maxLength: 4 }),
    })
    type Tree = { body: string[] } | { parts: Tree[] }
    const { tree } = fc.letrec<{ tree: Tree; leaf: Tree; node: Tree }>(tie => ({
      leaf,
      node: fc.record({ parts: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }) }),
      tree: fc.oneof({ depthSize: 'small' }, tie('leaf'), tie('node')),
    }))
    let boundaries = 0
    const write = (node: Tree): string[] => {
      if ('body' in node) return ['', ...node.body]
      const boundary = `boundary-${boundaries++}`
      const parts = node.parts.flatMap(part => [`--${boundary}`, ...write(part)])
      return [`Content-Type: multipart/mixed; boundary=${boundary}`, '', ...parts, `--${boundary}--`]
    }
    const shape = (part: MimePart, bytes: Buffer): unknown =>
      part.type === 'multipart'
        ? part.children.map(child => shape(child, bytes))
        : bytes.subarray(part.bodyStart, part.bodyEnd).toString()
    const wanted = (node: Tree): unknown => ('body' in node ? lines(...node.body) : node.parts.map(wanted))
    await fc.assert(
      fc.asyncProperty(tree, fc.integer({ min: 1, max: 50 }), async (node, step) => {
        const bytes = Buffer.from(lines(...write(node)))
        const { root } = await parseStructure(inChunks(bytes, step))
        expect(shape(root, bytes)).toEqual(wanted(node))
      }),
    )
  })
})

describe('parseStructure of hostile messages', () => {
  const nest = (depth: number, boundary: (level: number) => string) =>
    Array.from({ length: depth }, (_, level) =>
      lines(`Content-Type: multipart/mixed; boundary=${boundary(level)}`, '', `--${boundary(level)}`, ''),
    ).join('')

  it.each([
    ['10,000 levels', nest(10_000, level => `b${level}`), 100],
    ['10,000 levels of one boundary', nest(10_000, () => 'b'), undefined],
    ['10,000 nested messages', 'Content-Type: message/rfc822\r\n\r\n'.repeat(10_000), 100],
    ['20,000 parts', `Content-Type: multipart/a; boundary=b\r\n\r\n${'--b\r\n\r\n'.repeat(20_000)}`, 10_000],
    [
      '3 MiB of headers',
      `Content-Type: multipart/a; boundary=b\r\n\r\n${`--b\r\nX: ${'x'.repeat(1e6)}\r\n`.repeat(3)}`,
      4,
    ],
    ['a header that never ends', 'a:\r\n'.repeat(1_000_000), 1],
    ['a header of one line', 'a'.repeat(5_000_000), 1],
  ])('stops at its limits over %s', async (_, text, parts) => {
    const began = performance.now()
    const structure = await parseStructure(bytesSource(text))
    expect(structure.complete).toBe(false)
    if (parts !== undefined) expect(structure.parts).toBe(parts)
    expect(structure.root.bodyEnd).toBe(text.length)
    expect(performance.now() - began).toBeLessThan(2000)
  })

  const deep = nest(90, level => `${'b'.repeat(60)}${level}`)

  it.each([
    ['almost boundaries', `${'-'.repeat(2)}${'b'.repeat(60)}\r\n`],
    ['long almost boundaries', `--${' '.repeat(1200)}x\r\n`],
    ['empty lines', '\n'],
    ['dashes', '--\n'],
  ])('takes linear time over %s, 90 levels deep', async (_, line) => {
    const text = `${deep}\r\n${line.repeat(4_000_000 / line.length)}`
    const began = performance.now()
    const structure = await parseStructure(bytesSource(text))
    expect(structure.complete).toBe(true)
    expect(performance.now() - began).toBeLessThan(3000)
  })

  it('lets others have their turn', async () => {
    let turns = 0
    let running = true
    const count = () => {
      turns++
      if (running) setImmediate(count)
    }
    setImmediate(count)
    await parseStructure(bytesSource(Buffer.alloc(10_000_000, 'x\n')))
    running = false
    expect(turns).toBeGreaterThan(10)
  })
})
