import { trimBlanksAtEnd } from './blanks.js'
import { longestBoundary, OpenPart } from './open-part.js'
import type { MessageStructure, StructureLimits } from './structure.js'

const dash = 0x2d
const lineFeed = 0x0a
const carriageReturn = 0x0d

/** A boundary line: `--`, the boundary, perhaps `--`, and as much blank padding as fits a line (RFC 2046 §5.1.1). */
const longestDelimiter = longestBoundary + 998

/** A boundary line that was found. */
interface Delimiter {
  /** The multipart it belongs to. */
  readonly part: OpenPart
  /** Whether it is the last. */
  readonly closes: boolean
}

/**
 * Follows the lines of a message and keeps the parts that are open, outermost first. A line that may be a boundary is
 * looked up among all open boundaries at once, so depth costs nothing per line; an outer boundary ends what is open
 * inside (RFC 2046 §5.1.2).
 */
export class StructureScanner {
  readonly #limits: Required<StructureLimits>
  readonly #root = new OpenPart(0)
  readonly #open: OpenPart[] = [this.#root]
  readonly #boundaries = new Map<string, OpenPart>()
  #inHeader = true
  #parts = 1
  #headerSize = 0
  #complete = true
  /** Octets seen. */
  #offset = 0
  /** Line breaks before the line under way. */
  #breaks = 0
  /** The line under way: its length so far, its last octet, and its pieces where they matter. */
  #lineLength = 0
  #lastOctet = 0
  #keepsLine = true
  #line: Uint8Array[] = []
  /** The line before: the length of its break, and whether it had nothing else. */
  #previousBreak = 0
  #previousEmpty = false

  constructor(limits: Required<StructureLimits>) {
    this.#limits = limits
  }

  write(chunk: Uint8Array): void {
    let start = 0
    for (let feed = chunk.indexOf(lineFeed); feed >= 0; feed = chunk.indexOf(lineFeed, start)) {
      this.#take(chunk, start, feed)
      this.#endLine(this.#lastOctet === carriageReturn ? 2 : 1)
      start = feed + 1
    }
    this.#take(chunk, start, chunk.length)
  }

  end(): MessageStructure {
    if (this.#lineLength > 0) {
      this.#endLine(0)
      this.#breaks++
    }
    this.#previousBreak = 0
    this.#previousEmpty = false
    while (this.#open.length > 0) this.#closeInnermost(this.#offset)
    return { root: this.#root, parts: this.#parts, complete: this.#complete }
  }

  /** Takes octets of one line, without its line feed. */
  #take(chunk: Uint8Array, start: number, end: number): void {
    if (start === end) return
    if (this.#lineLength === 0) {
      this.#keepsLine = this.#inHeader || (chunk[start] === dash && this.#boundaries.size > 0)
    }
    const limit = this.#inHeader ? this.#limits.headerSize : longestDelimiter
    if (this.#keepsLine && this.#lineLength <= limit) this.#line.push(chunk.subarray(start, end))
    this.#lineLength += end - start
    this.#offset += end - start
    this.#lastOctet = chunk[end - 1] ?? 0
  }

  #endLine(breakLength: number): void {
    const start = this.#offset - this.#lineLength
    const empty = this.#lineLength < breakLength
    if (breakLength > 0) this.#offset++
    if (this.#inHeader || this.#line.length > 0) this.#endKeptLine(start, empty)
    if (breakLength > 0) this.#breaks++
    this.#previousBreak = breakLength
    this.#previousEmpty = empty
    this.#lineLength = 0
    this.#lastOctet = 0
    this.#line = []
  }

  #endKeptLine(start: number, empty: boolean): void {
    const delimiter = this.#findDelimiter()
    const part = this.#open.at(-1)
    if (delimiter) this.#cross(delimiter, start)
    else if (this.#inHeader && part) this.#addHeaderLine(part, start, empty)
  }

  #findDelimiter(): Delimiter | undefined {
    if (this.#boundaries.size === 0 || this.#lineLength > longestDelimiter) return undefined
    const line = Buffer.concat(this.#line).toString('latin1')
    if (!line.startsWith('--')) return undefined
    const text = trimBlanksAtEnd(line.endsWith('\r') ? line.slice(2, -1) : line.slice(2))
    const part = this.#boundaries.get(text)
    if (part) return { part, closes: false }
    const closed = text.endsWith('--') ? this.#boundaries.get(text.slice(0, -2)) : undefined
    return closed && { part: closed, closes: true }
  }

  /** Ends what is open inside the multipart, and the multipart's preamble or last part with it. */
  #cross(delimiter: Delimiter, start: number): void {
    while (this.#open.at(-1) !== delimiter.part) this.#closeInnermost(start)
    if (delimiter.closes) this.#forgetBoundary(delimiter.part)
    else this.#begin(delimiter.part, part => delimiter.part.children.push(part))
  }

  #begin(parent: OpenPart, attach: (part: OpenPart) => void): void {
    if (this.#parts >= this.#limits.parts) {
      this.#giveUp()
      return
    }
    const part = new OpenPart(this.#offset, parent)
    attach(part)
    this.#parts++
    this.#open.push(part)
    this.#inHeader = true
  }

  #addHeaderLine(part: OpenPart, start: number, empty: boolean): void {
    this.#headerSize += this.#offset - start
    if (this.#headerSize > this.#limits.headerSize) {
      part.beginBody(start, this.#breaks)
      this.#giveUp()
      return
    }
    part.addHeader(this.#line, this.#offset - start > this.#lineLength)
    if (!empty) return
    this.#inHeader = false
    part.beginBody(this.#offset, this.#breaks + 1)
    if (part.boundary !== undefined || part.holdsMessage) this.#enter(part)
  }

  /** Goes into a multipart or a nested message whose header has ended. */
  #enter(part: OpenPart): void {
    if (this.#open.length >= this.#limits.depth) {
      this.#complete = false
    } else if (part.boundary === undefined) {
      this.#begin(part, message => {
        part.message = message
      })
    } else {
      part.hidden = this.#boundaries.get(part.boundary)
      this.#boundaries.set(part.boundary, part)
    }
  }

  /** Takes the rest of the message for body of what is open. */
  #giveUp(): void {
    this.#complete = false
    this.#inHeader = false
    this.#boundaries.clear()
  }

  /** Ends the innermost part at a boundary line that begins at `at`, or at the end of the message. */
  #closeInnermost(at: number): void {
    const part = this.#open.pop()
    if (!part) return
    if (this.#inHeader) part.beginBody(at, this.#breaks)
    this.#inHeader = false
    part.bodyEnd = Math.max(part.bodyStart, at - this.#previousBreak)
    part.lines = Math.max(0, this.#breaks - part.breaksBefore - (this.#previousEmpty ? 1 : 0))
    this.#forgetBoundary(part)
  }

  #forgetBoundary(part: OpenPart): void {
    const boundary = part.boundary
    if (boundary === undefined || this.#boundaries.get(boundary) !== part) return
    if (part.hidden) this.#boundaries.set(boundary, part.hidden)
    else this.#boundaries.delete(boundary)
  }
}
