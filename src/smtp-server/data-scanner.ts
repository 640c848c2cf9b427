/** What {@link DataScanner.scan} found in a chunk. */
export interface ScannedData {
  /** Bytes of the message, dots unstuffed; may be empty. */
  readonly data: Buffer
  /** Index of the first byte behind `CRLF . CRLF`, or `undefined` while the message goes on. */
  readonly end: number | undefined
}

/** Behind a CRLF, or at the very start. */
const atLineStart = 0
/** Behind a dot that starts a line. It is never part of the message: either it was stuffed or it ends the data. */
const atDot = 1
/** Behind a dot that starts a line, and CR, which is held back until the next byte tells what it is. */
const atDotCr = 2
/** Behind a CR. */
const atCr = 3
const inText = 4

const cr = 0x0d
const lf = 0x0a
const dot = 0x2e
const heldCr = Buffer.from('\r')

/**
 * Finds the end of a message in DATA and takes the stuffed dots out (RFC 5321 §4.5.2), however the bytes are cut
 * into chunks. Only CRLF is a line break here: nothing but `CRLF . CRLF` ends the message and only a dot behind CRLF
 * is taken out. A server that is more liberal can be made to see two messages where another sees one
 * (CVE-2023-51764 and its kin).
 */
export class DataScanner {
  #at = atLineStart
  /** Whether a CR without LF or an LF without CR was seen. */
  bareLineBreak = false

  /** Scans `chunk` from `start`. Bytes are moved within the chunk to close the gaps of stuffed dots. */
  scan(chunk: Buffer, start: number): ScannedData {
    const words = wordsOf(chunk)
    const held = this.#at === atDotCr
    let at = this.#at
    /** The unmoved bytes from here on belong to the message; those before `out` are in place. */
    let run = start
    let out = start
    let prefix: Buffer | undefined
    for (let index = start; index < chunk.length; ) {
      if (at === inText) {
        index = nextBreak(chunk, words, index)
        if (index === chunk.length) break
        if (chunk[index++] === cr) at = atCr
        else this.bareLineBreak = true
        continue
      }
      const byte = chunk[index]
      if (at === atCr) {
        if (byte === lf) {
          at = atLineStart
          index++
        } else {
          at = inText
          this.bareLineBreak = true
        }
      } else if (at === atLineStart) {
        at = inText
        if (byte === dot) {
          out = moveRun(chunk, out, run, index)
          run = ++index
          at = atDot
        }
      } else if (at === atDot) {
        at = inText
        if (byte === cr) {
          index++
          at = atDotCr
        }
      } else if (byte === lf) {
        this.#at = atLineStart
        return { data: withHeld(prefix, chunk.subarray(start, out)), end: index + 1 }
      } else {
        at = inText
        this.bareLineBreak = true
        if (held && index === start) prefix = heldCr
      }
    }
    this.#at = at
    out = moveRun(chunk, out, run, at === atDotCr ? run : chunk.length)
    return { data: withHeld(prefix, chunk.subarray(start, out)), end: undefined }
  }
}

function withHeld(held: Buffer | undefined, data: Buffer): Buffer {
  return held ? Buffer.concat([held, data]) : data
}

/** Moves the bytes from `run` to `end` down to `out`; returns where they end. */
function moveRun(chunk: Buffer, out: number, run: number, end: number): number {
  if (out !== run) chunk.copyWithin(out, run, end)
  return out + end - run
}

/** The bytes four at a time, as far as they are aligned. */
function wordsOf(chunk: Buffer): Int32Array {
  const first = (chunk.byteOffset + 3) & ~3
  const count = Math.max(0, chunk.byteOffset + chunk.length - first) >> 2
  return new Int32Array(chunk.buffer, first, count)
}

/** Bytes below this one are control characters, CR and LF among them. */
const afterBreaks = 0x0e

/**
 * Index of the next CR or LF, at `from` or behind it, that is more than an ordinary end of line; or the length of the
 * chunk. `from` is behind no CR. A search per line, of which a message has thousands, costs several times as much.
 */
function nextBreak(chunk: Buffer, words: Int32Array, from: number): number {
  const { length } = chunk
  const base = words.byteOffset - chunk.byteOffset
  let index = from
  for (;;) {
    while (((index - base) & 3) !== 0 && index < length && (chunk[index] as number) >= afterBreaks) index++
    if (((index - base) & 3) === 0) index = base + skipText(words, (index - base) >> 2) * 4
    while (index < length && (chunk[index] as number) >= afterBreaks) index++
    if (index >= length) return length
    if (isOrdinaryEnd(chunk, index)) index += 2
    else if (chunk[index] === cr || chunk[index] === lf) return index
    else index++
  }
}

/** Whether a CRLF begins at `index` behind which a line that starts with no dot goes on in this chunk. */
function isOrdinaryEnd(chunk: Buffer, index: number): boolean {
  return (
    index + 2 < chunk.length && chunk[index] === cr && chunk[index + 1] === lf && chunk[index + 2] !== dot
  )
}

/**
 * The first of four words, at `from` or behind it, that have a byte below {@link afterBreaks}; or one of the last four.
 * Sixteen bytes at a time.
 */
function skipText(words: Int32Array, from: number): number {
  let word = from
  for (const last = words.length - 3; word < last; word += 4) {
    const a = words[word] as number
    const b = words[word + 1] as number
    const c = words[word + 2] as number
    const d = words[word + 3] as number
    const low =
      ((a - 0x0e0e0e0e) & ~a) | ((b - 0x0e0e0e0e) & ~b) | ((c - 0x0e0e0e0e) & ~c) | ((d - 0x0e0e0e0e) & ~d)
    if ((low & 0x80808080) !== 0) break
  }
  return word
}
