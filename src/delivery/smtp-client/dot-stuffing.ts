const cr = 0x0d
const lf = 0x0a
const dot = 0x2e
const lineBreak = Buffer.from('\r\n')
const oneDot = Buffer.from('.')

/**
 * Writes a message for DATA (RFC 5321 §4.5.2): a dot at the start of a line is doubled. Only CRLF leaves as a line
 * break: a bare CR or LF becomes one, so that no server, whatever it takes for a line break, sees the end of the
 * message where there is none (SMTP smuggling, CVE-2023-51764 to -51766). Works on the bytes as they come, in chunks
 * of any cut.
 */
export class DotStuffer {
  #atLineStart = true
  /** The last chunk ended in a CR, which was held back until it is seen what follows. */
  #heldCr = false

  /** The wire form of the next bytes, mostly as slices of them. */
  push(chunk: Uint8Array): Buffer {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const parts: Buffer[] = []
    const start = this.#heldCr ? this.#afterHeldCr(bytes, parts) : 0
    if (start < bytes.length) this.#cut(bytes, start, parts)
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts)
  }

  /** What ends the message: its last line break, where that is missing, and the final dot. */
  end(): Buffer {
    return Buffer.from(this.#atLineStart && !this.#heldCr ? '.\r\n' : '\r\n.\r\n')
  }

  #afterHeldCr(bytes: Buffer, parts: Buffer[]): number {
    if (bytes.length === 0) return 0
    this.#heldCr = false
    this.#atLineStart = true
    parts.push(lineBreak)
    return bytes[0] === lf ? 1 : 0
  }

  #cut(bytes: Buffer, start: number, parts: Buffer[]): void {
    let from = start
    if (this.#atLineStart && bytes[from] === dot) parts.push(oneDot)
    let nextCr = bytes.indexOf(cr, from)
    let nextLf = bytes.indexOf(lf, from)
    while (nextCr !== -1 || nextLf !== -1) {
      const isCr = nextCr !== -1 && (nextLf === -1 || nextCr < nextLf)
      const end = isCr ? nextCr : nextLf
      if (isCr && end === bytes.length - 1) {
        this.#heldCr = true
        if (end > from) parts.push(bytes.subarray(from, end))
        return
      }
      const whole = isCr && nextLf === end + 1
      const next = whole ? end + 2 : end + 1
      if (!whole) {
        parts.push(bytes.subarray(from, end), lineBreak)
        from = next
      }
      if (bytes[next] === dot) {
        if (next > from) parts.push(bytes.subarray(from, next))
        parts.push(oneDot)
        from = next
      }
      if (nextCr !== -1 && nextCr < next) nextCr = bytes.indexOf(cr, next)
      if (nextLf !== -1 && nextLf < next) nextLf = bytes.indexOf(lf, next)
    }
    if (from < bytes.length) parts.push(bytes.subarray(from))
    this.#atLineStart = bytes[bytes.length - 1] === lf
  }
}
