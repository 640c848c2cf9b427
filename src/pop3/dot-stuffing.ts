const lineFeed = 0x0a
const carriageReturn = 0x0d
const dot = 0x2e

const dotBytes = Buffer.from('.')
const lineBreak = Buffer.from('\r\n')

/**
 * Turns the bytes of a message into the multi-line response of RFC 1939 §3: a line that begins with a dot gets a
 * second one, and the end is `CRLF . CRLF` whatever the message ends with.
 *
 * A bare LF is sent as CRLF. Sent as it is, a client that cuts lines at LF and one that cuts them at CRLF would
 * not agree on where a line begins, and so on where the message ends. A bare CR is no line break to either and
 * stays. Everything that came with CRLF line breaks is sent byte for byte.
 */
export class DotStuffing {
  #atLineStart = true
  #afterCr = false

  /** The next bytes as they are sent. */
  push(chunk: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = []
    let start = 0
    const upTo = (end: number, insert: Uint8Array) => {
      parts.push(chunk.subarray(start, end), insert)
      start = end
    }
    if (this.#atLineStart && chunk[0] === dot) upTo(0, dotBytes)
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, at + 1)) {
      const afterCr = at > 0 ? chunk[at - 1] === carriageReturn : this.#afterCr
      if (!afterCr) {
        upTo(at, lineBreak)
        start = at + 1
      }
      if (chunk[at + 1] === dot) upTo(at + 1, dotBytes)
    }
    if (chunk.length > 0) {
      this.#atLineStart = chunk[chunk.length - 1] === lineFeed
      this.#afterCr = chunk[chunk.length - 1] === carriageReturn
    }
    if (start === 0 && parts.length === 0) return chunk
    parts.push(chunk.subarray(start))
    return Buffer.concat(parts)
  }

  /** What ends the response. */
  end(): string {
    return this.#atLineStart ? '.\r\n' : '\r\n.\r\n'
  }
}
