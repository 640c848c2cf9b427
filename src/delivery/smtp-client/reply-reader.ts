import { MailError } from '../../core/error.js'
import type { Reply } from '../../core/reply.js'
import { cleanText } from '../../smtp/reply.js'

/** RFC 5321 §4.5.3.1.5 grants a reply line 512 octets; servers write more. */
const longestLine = 4096
/** An EHLO reply has some twenty lines; a banner with a legal notice has more. */
const mostLines = 128
/** What is kept of a line, in characters. */
const keptText = 1000

/**
 * Reads replies (RFC 5321 §4.2.1) out of the bytes of a server. What it holds is bounded: a server that never ends a
 * line or a reply gets an error, not memory.
 */
export class ReplyReader {
  #rest: Buffer | undefined
  #lines: string[] = []

  /** Forgets what was not read. */
  clear(): void {
    this.#rest = undefined
    this.#lines = []
  }

  /**
   * The replies that `chunk` completes. A caller that stops in between leaves the rest unread.
   * @throws MailError `PROTOCOL` for what is no reply, or too long.
   */
  *push(chunk: Buffer): Generator<Reply, void> {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk
    let start = 0
    try {
      for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
        if (end - start > longestLine) throw tooLong()
        const line = bytes.toString('utf8', start, end)
        start = end + 1
        const reply = this.#line(line)
        if (reply) yield reply
      }
      if (bytes.length - start > longestLine) throw tooLong()
    } finally {
      this.#rest = start < bytes.length ? Buffer.from(bytes.subarray(start)) : undefined
    }
  }

  #line(line: string): Reply | undefined {
    const match = /^([2-5]\d\d)(?:([ -])(.*?))?\r?$/s.exec(line)
    if (!match) throw new MailError('PROTOCOL', `the server sent what is no reply: ${shown(line)}`)
    this.#lines.push((match[3] ?? '').slice(0, keptText))
    if (match[2] !== '-') return this.#finish(Number(match[1]))
    if (this.#lines.length >= mostLines) {
      throw new MailError('PROTOCOL', `the server sent a reply of more than ${mostLines} lines`)
    }
    return undefined
  }

  #finish(code: number): Reply {
    const lines = this.#lines
    this.#lines = []
    return makeReply(code, lines)
  }
}

/** Sets the enhanced status code (RFC 2034 §4: at the start of every line, of the class of the reply) apart from the text. */
function makeReply(code: number, lines: readonly string[]): Reply {
  const enhanced = enhancedCode(code, lines[0] ?? '')
  const text = lines.map(line =>
    cleanText(enhancedCode(code, line) === undefined ? line : line.replace(/^\S+ ?/, '')),
  )
  const words = text.length === 1 ? (text[0] ?? '') : text
  return enhanced === undefined ? { code, text: words } : { code, enhanced, text: words }
}

function enhancedCode(code: number, line: string): string | undefined {
  const found = /^([245]\.\d{1,3}\.\d{1,3})(?= |$)/.exec(line)?.[1]
  return found?.startsWith(`${Math.floor(code / 100)}.`) ? found : undefined
}

function tooLong(): MailError {
  return new MailError('PROTOCOL', `the server sent a line of more than ${longestLine} octets`)
}

function shown(line: string): string {
  return JSON.stringify(cleanText(line.length > 80 ? `${line.slice(0, 80)}…` : line.trimEnd()))
}
