import { createHash } from 'node:crypto'

/** A header field as it is signed (RFC 6376 §3.4.2), CRLF included; `raw` holds octets as characters (latin1). */
export function relaxField(raw: string): string {
  const colon = raw.indexOf(':')
  const name = raw.slice(0, colon).toLowerCase().trim()
  const value = raw
    .slice(colon + 1)
    .replace(/[\r\n]+/g, '')
    .replace(/[ \t]+/g, ' ')
  return `${name}:${value.replace(/^ | $/g, '')}\r\n`
}

const longestBreaks = 16 * 1024

/**
 * The hash of a body as it is signed (RFC 6376 §3.4.4): blanks count once, those at the end of a line and empty lines at
 * the end not at all. Takes the body in pieces. A bare CR or LF is a line break, as it will be on the wire.
 */
export class RelaxedBodyHash {
  readonly #hash = createHash('sha256')
  #isEmpty = true
  /** Line breaks and a blank that come next, if anything does. */
  #breaks = 0
  #blank = false
  #afterCr = false

  update(chunk: Uint8Array): void {
    const octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
    const given = this.#afterCr && octets.startsWith('\n') ? octets.slice(1) : octets
    if (octets !== '') this.#afterCr = octets.endsWith('\r')
    const text = given.replace(/[ \t]+/g, ' ').replace(/ ?(?:\r\n|\r|\n)/g, '\r\n')
    const start = this.#wait(text, 0)
    if (start === text.length) return
    let end = text.length
    while (isWhite(text.charCodeAt(end - 1))) end--
    this.#flush()
    this.#hash.update(text.slice(start, end), 'latin1')
    this.#wait(text, end)
  }

  digest(): string {
    if (!this.#isEmpty) this.#hash.update('\r\n')
    return this.#hash.digest('base64')
  }

  /** Puts off white space that begins at an offset; where it ends. */
  #wait(text: string, from: number): number {
    let at = from
    for (; at < text.length && isWhite(text.charCodeAt(at)); at++) {
      const char = text[at]
      if (char === '\n') this.#breaks++
      this.#blank = char === ' '
    }
    return at
  }

  #flush(): void {
    this.#isEmpty = false
    for (; this.#breaks > 0; this.#breaks -= Math.min(this.#breaks, longestBreaks)) {
      this.#hash.update('\r\n'.repeat(Math.min(this.#breaks, longestBreaks)))
    }
    if (this.#blank) this.#hash.update(' ')
    this.#blank = false
  }
}

function isWhite(code: number): boolean {
  return code === 0x20 || code === 0x0d || code === 0x0a
}
