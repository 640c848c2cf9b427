const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * Cuts a message after its header, the empty line and `lines` lines of the body (RFC 1939 §7, TOP), while it
 * streams by.
 */
export class MessageTop {
  #left: number
  #inHeader = true
  /** Octets of the current line, and whether all of them are one CR. */
  #lineLength = 0
  #onlyCr = false
  done = false

  /** @param lines lines of the body, 0 for the header alone. */
  constructor(lines: number) {
    this.#left = lines
  }

  /** The part of the next bytes that belongs to the top. Sets `done` with the last. */
  push(chunk: Uint8Array): Uint8Array {
    let start = 0
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, start)) {
      this.#extendLine(chunk, start, at)
      this.#endLine()
      start = at + 1
      if (this.done) return chunk.subarray(0, start)
    }
    this.#extendLine(chunk, start, chunk.length)
    return chunk
  }

  #extendLine(chunk: Uint8Array, start: number, end: number): void {
    if (start === end) return
    this.#onlyCr = this.#lineLength === 0 && end - start === 1 && chunk[start] === carriageReturn
    this.#lineLength += end - start
  }

  #endLine(): void {
    const empty = this.#lineLength === 0 || this.#onlyCr
    this.#lineLength = 0
    this.#onlyCr = false
    if (!this.#inHeader) this.#left--
    else if (empty) this.#inHeader = false
    this.done = !this.#inHeader && this.#left <= 0
  }
}
