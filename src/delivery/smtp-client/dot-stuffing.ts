/**
 * Writes a message for DATA (RFC 5321 §4.5.2): a dot at the start of a line is doubled. Only CRLF leaves as a line
 * break: a bare CR or LF becomes one, so that no server, whatever it takes for a line break, sees the end of the
 * message where there is none (SMTP smuggling, CVE-2023-51764 to -51766). Works on the bytes as they come, in chunks
 * of any cut. Latin-1 strings stand for the bytes, as searching and replacing in them is what the engine is best at.
 */
export class DotStuffer {
  #atLineStart = true
  /** The last chunk ended in a CR, which was held back until it is seen what follows. */
  #heldCr = false

  /** The wire form of the next bytes: themselves, where nothing is to be changed. */
  push(chunk: Uint8Array): Buffer {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const raw = (this.#heldCr ? '\r' : '') + bytes.toString('latin1')
    this.#heldCr = raw.endsWith('\r')
    const lines = onlyCrlf(this.#heldCr ? raw.slice(0, -1) : raw)
    const wire = (this.#atLineStart && lines.startsWith('.') ? '.' : '') + lines.replaceAll('\n.', '\n..')
    if (lines !== '') this.#atLineStart = lines.endsWith('\n')
    return wire === raw && wire.length === bytes.length ? bytes : Buffer.from(wire, 'latin1')
  }

  /** What ends the message: its last line break, where that is missing, and the final dot. */
  end(): Buffer {
    return Buffer.from(this.#atLineStart && !this.#heldCr ? '.\r\n' : '\r\n.\r\n')
  }
}

function onlyCrlf(text: string): string {
  return /\r(?!\n)|(?<!\r)\n/.test(text) ? text.replace(/\r\n?|\n/g, '\r\n') : text
}
