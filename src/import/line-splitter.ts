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
  #startsLine = true

  /** Hands on lines and pieces that are certain now. */
  push(chunk: Uint8Array, take: (piece: LinePiece) => void): void {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    let start = 0
    // What is held has no LF.
    let feed = bytes.indexOf(lf, this.#held.length)
    for (; feed >= 0; feed = bytes.indexOf(lf, start)) {
      take(this.#piece(bytes.subarray(start, feed + 1), true))
      start = feed + 1
    }
    const end = bytes[bytes.length - 1] === cr ? bytes.length - 1 : bytes.length
    if (end - start >= pieceSize) {
      take(this.#piece(bytes.subarray(start, end), false))
      start = end
    }
    // A copy, as the chunk may be a large one.
    this.#held = new Uint8Array(bytes.subarray(start))
  }

  /** Hands on what is left when no more octets come. */
  end(take: (piece: LinePiece) => void): void {
    if (this.#held.length > 0) take(this.#piece(this.#held, false))
    this.#held = new Uint8Array()
  }

  #piece(bytes: Uint8Array, endsLine: boolean): LinePiece {
    const startsLine = this.#startsLine
    this.#startsLine = endsLine
    return { bytes, startsLine, endsLine }
  }
}
