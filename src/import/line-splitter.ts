const lf = 0x0a
const cr = 0x0d

/** How much of a long line is in its first piece, at least. */
const pieceSize = 4_096

/** A line, or a piece of a long one. */
export interface LinePiece {
  /** The octets, line break included. */
  readonly bytes: Uint8Array
  /** Whether it is the first of its line. */
  readonly startsLine: boolean
  /** Whether it is the last of its line, and ends in LF. A CRLF is never torn apart. */
  readonly endsLine: boolean
}

/**
 * Octets as lines. A line of more than 4 KiB comes in pieces, so that what is held stays small whatever the lines are.
 */
export class LineSplitter {
  #held: Uint8Array = new Uint8Array()
  #startsLine = true;

  /** Lines and pieces that are certain now. */
  *push(chunk: Uint8Array): Generator<LinePiece> {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    let start = 0
    // What is held has no LF.
    let feed = bytes.indexOf(lf, this.#held.length)
    for (; feed >= 0; feed = bytes.indexOf(lf, start)) {
      yield this.#piece(bytes.subarray(start, feed + 1), true)
      start = feed + 1
    }
    let end = bytes.length
    if (bytes[end - 1] === cr) end--
    if (end - start >= pieceSize) {
      yield this.#piece(bytes.subarray(start, end), false)
      start = end
    }
    // A copy, as the chunk may be a large one.
    this.#held = new Uint8Array(bytes.subarray(start))
  }

  /** What is left when no more octets come. */
  *end(): Generator<LinePiece> {
    if (this.#held.length > 0) yield this.#piece(this.#held, false)
    this.#held = new Uint8Array()
  }

  #piece(bytes: Uint8Array, endsLine: boolean): LinePiece {
    const startsLine = this.#startsLine
    this.#startsLine = endsLine
    return { bytes, startsLine, endsLine }
  }
}
