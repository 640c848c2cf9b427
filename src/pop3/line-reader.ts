/** Stands for a line that was longer than the reader takes; its bytes are gone. */
export const overlong = Symbol('overlong')

const lineFeed = 0x0a
const carriageReturn = 0x0d
const nothing = Buffer.alloc(0)

/**
 * Cuts what a client sends into lines, without their line break. A bare LF ends a line too, as people who type have
 * it. Holds no more than one chunk and the longest line, however long a line goes on.
 */
export class LineReader {
  readonly #longest: number
  #buffer: Buffer = nothing
  #offset = 0
  #skipping = false

  /** @param longest octets of a line, line break not counted. */
  constructor(longest: number) {
    this.#longest = longest
  }

  push(chunk: Buffer): void {
    const rest = this.#buffer.subarray(this.#offset)
    this.#buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    this.#offset = 0
  }

  /** The next line, valid until the next `push`; `undefined` while there is no whole one. */
  next(): Buffer | typeof overlong | undefined {
    const end = this.#buffer.indexOf(lineFeed, this.#offset)
    if (end < 0) return this.#keepRest()
    const line = this.#buffer.subarray(this.#offset, this.#lineEnd(end))
    this.#offset = end + 1
    if (!this.#skipping && line.length <= this.#longest) return line
    this.#skipping = false
    return overlong
  }

  /** Forgets what was pushed, a part of a line included. */
  clear(): void {
    this.#buffer = nothing
    this.#offset = 0
    this.#skipping = false
  }

  #lineEnd(lineFeedAt: number): number {
    return lineFeedAt > this.#offset && this.#buffer[lineFeedAt - 1] === carriageReturn
      ? lineFeedAt - 1
      : lineFeedAt
  }

  #keepRest(): undefined {
    // One octet more may be the CR of a line of the greatest length.
    const tooLong = this.#buffer.length - this.#offset > this.#longest + 1
    if (this.#skipping || tooLong) {
      this.clear()
      this.#skipping = true
    }
  }
}
