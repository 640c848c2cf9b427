import { describe, expect, it } from 'vitest'
import { DataScanner } from '../../../src/smtp-server/data-scanner.js'
import { startHost } from '../mail-host.js'

/** What RFC 5321 §4.5.2 says, in the plainest words: the slow truth the scanner is held to. */
function unstuff(input: string): { data: string; rest: string } | undefined {
  const end = `\r\n${input}`.indexOf('\r\n.\r\n')
  if (end < 0) return undefined
  const data = `\r\n${input}`.slice(0, end + 2).replaceAll('\r\n.', '\r\n')
  return { data: data.slice(2), rest: input.slice(end + 3) }
}

function scan(input: string, cuts: number[]): { data: string; rest: string; bare: boolean } | undefined {
  const scanner = new DataScanner()
  const edges = [0, ...cuts, input.length]
  let data = ''
  for (let index = 1; index < edges.length; index++) {
    const chunk = Buffer.from(input.slice(edges[index - 1], edges[index]), 'latin1')
    const found = scanner.scan(chunk, 0)
    data += found.data.toString('latin1')
    if (found.end !== undefined) {
      const rest = chunk.toString('latin1', found.end) + input.slice(edges[index])
      return { data, rest, bare: scanner.bareLineBreak }
    }
  }
  return undefined
}

const isBare = (data: string) => /\r(?!\n)|(?<!\r)\n/.test(data)

describe('the end of a message', () => {
  it('is CRLF . CRLF and nothing else, however the bytes are cut', () => {
    const alphabet = ['\r', '\n', '.', 'a', '\0']
    // Every mix of up to five bytes, put before a real end, cut at every place.
    let cases = 0
    const visit = (mix: string) => {
      const input = `x${mix}\r\n.\r\nMAIL`
      const expected = unstuff(input)
      for (let cut = 0; cut <= input.length; cut++) {
        const got = scan(input, cut === 0 ? [] : [cut])
        if (got?.data !== expected?.data || got?.rest !== expected?.rest) {
          expect(JSON.stringify({ input, cut, got })).toBe(JSON.stringify({ input, cut, got: expected }))
        }
        if (got && got.bare !== isBare(got.data))
          expect({ input, cut, bare: got.bare }).toEqual({ input, cut, bare: !got.bare })
        cases++
      }
      if (mix.length < 5) for (const char of alphabet) visit(mix + char)
    }
    visit('')
    expect(cases).toBeGreaterThan(40_000)
  })

  it('is found byte by byte, and in messages of all lengths and alignments', () => {
    const body = 'Subject: x\r\n\r\nline one\r\n..stuffed\r\n.\rnot an end\r\n\n.\nneither\r\n\ttab\r\n'
    for (let pad = 0; pad < 40; pad++) {
      const input = `${'y'.repeat(pad)}${body}${'z'.repeat(pad * 3)}\r\n.\r\nQUIT\r\n`
      const expected = unstuff(input)
      const everyByte = Array.from({ length: input.length - 1 }, (_, index) => index + 1)
      expect(scan(input, everyByte)).toMatchObject({ data: expected?.data, rest: expected?.rest })
      expect(scan(input, [])).toMatchObject({ data: expected?.data, rest: expected?.rest, bare: true })
    }
  })

  it('scans from the middle of a read that is not aligned', () => {
    for (let start = 0; start < 9; start++) {
      const input = `${'c'.repeat(start)}Subject: hello world\r\n\r\n..a\r\n.\r\nREST`
      const outer = Buffer.alloc(200)
      const chunk = outer.subarray(3, 3 + outer.write(input, 3, 'latin1'))
      const { data, end } = new DataScanner().scan(chunk, start)
      expect(data.toString()).toBe('Subject: hello world\r\n\r\n.a\r\n')
      expect(chunk.toString('latin1', end)).toBe('REST')
    }
  })
})

describe('message smuggling (CVE-2023-51764, -51765, -51766)', () => {
  const smuggled = '\r\nMAIL FROM:<evil@other.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nevil\r\n.\r\n'
  it.each([
    '\n.\n',
    '\n.\r\n',
    '\r\n.\n',
    '\r.\r',
    '\r\n.\r',
    '\r.\r\n',
    '\n\n.\r\n',
    '\r\n\0.\r\n',
    '\r\n.\0\r\n',
    '\r\r\n.\r\r\n',
  ])('%j ends nothing, at any cut', async end => {
    const host = await startHost()
    const client = await host.hello()
    const message = `Subject: x\r\n\r\nhello${end}${smuggled}`
    for (let cut = 18; cut <= 24 + end.length; cut++) {
      await client.ask('MAIL FROM:<a@b.test>', '250')
      await client.ask('RCPT TO:<alice@example.test>', '250')
      await client.ask('DATA', '354')
      client.write(message.slice(0, cut))
      await new Promise(resolve => setImmediate(resolve))
      client.write(message.slice(cut))
      await client.expect(/^(550 5\.6\.11|250 2\.0\.0)/)
      expect(client.pending).toBe('')
    }
    expect(await host.inbox('bob')).toHaveLength(0)
    await client.ask('NOOP', '250')
  })

  it('refuses bare CR and bare LF, and keeps them byte for byte where told to', async () => {
    for (const bare of ['a\nb', 'a\rb', '\n.\n', '\r']) {
      const host = await startHost()
      const client = await host.hello()
      await client.ask('MAIL FROM:<a@b.test>', '250')
      await client.ask('RCPT TO:<alice@example.test>', '250')
      await client.ask('DATA', '354')
      client.write(`${bare}\r\n.\r\n`)
      await client.expect('550 5.6.11')
      expect(await host.inbox('alice')).toHaveLength(0)

      const lenient = await startHost({ bareLineBreaks: 'keep' })
      const other = await lenient.hello()
      await other.ask('MAIL FROM:<a@b.test>', '250')
      await other.ask('RCPT TO:<alice@example.test>', '250')
      await other.ask('DATA', '354')
      other.write(`Subject: x\r\n\r\n${bare}\r\n.\r\n`)
      await other.expect('250')
      expect((await lenient.inbox('alice'))[0]?.endsWith(`Subject: x\r\n\r\n${bare}\r\n`)).toBe(true)
    }
  })

  it('takes no command that ends in LF alone', async () => {
    const client = await (await startHost()).hello()
    client.write('NOOP\nNOOP\r\n')
    await client.expect('500 5.5.2')
    await client.expect('250 2.0.0')
    client.write('RSET\r\r\n')
    await client.expect('250')
  })
})
