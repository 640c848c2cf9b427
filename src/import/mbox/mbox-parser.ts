import { type LinePiece, LineSplitter } from '../line-splitter.js'
import { OctetBuffer } from '../octet-buffer.js'
import { type FromLine, parseFromLine } from './from-line.js'
import { MboxMessage, type MboxReading } from './mbox-message.js'

/** Where something begins in an mbox. */
export interface MboxPlace {
  /** From 1 on. */
  readonly line: number
  /** In octets. */
  readonly offset: number
}

/** What an mbox consists of, in its order. */
export type MboxPart =
  | { readonly kind: 'begin'; readonly from: FromLine; readonly place: MboxPlace }
  | { readonly kind: 'octets'; readonly octets: Uint8Array }
  | { readonly kind: 'end'; readonly message: MboxMessage }
  /** Something that may be a mistake of the file. */
  | { readonly kind: 'doubt'; readonly place: MboxPlace; readonly what: string }

/**
 * Tells the messages of an mbox apart. A message begins with a line `From sender date`, as the text of messages cannot
 * have one: there it is quoted, or has no date. The very first line of a file may do without the date.
 */
export class MboxParser {
  readonly #reading: MboxReading
  readonly #splitter = new LineSplitter()
  readonly #octets = new OctetBuffer()
  #message: MboxMessage | undefined
  #line = 0
  #offset = 0
  #afterEmptyLine = true
  #straying = false
  readonly #parts: MboxPart[] = []

  constructor(reading: MboxReading) {
    this.#reading = reading
  }

  /** What is certain when these octets came. */
  push(chunk: Uint8Array): MboxPart[] {
    this.#splitter.push(chunk, this.#take)
    this.#handOver(this.#octets.takeFull())
    return this.#parts.splice(0)
  }

  /** What is left when no more come. */
  end(): MboxPart[] {
    this.#splitter.end(this.#take)
    this.#endMessage()
    return this.#parts.splice(0)
  }

  readonly #take = (piece: LinePiece) => {
    if (piece.startsLine) this.#line++
    const offset = this.#offset
    this.#offset += piece.bytes.length
    const from = piece.startsLine ? readFromLine(piece.bytes) : undefined
    if (from && (from.date !== undefined || offset === 0)) this.#begin(from, offset, piece)
    else {
      if (from && this.#afterEmptyLine && this.#message) this.#doubt(offset, undated)
      this.#message?.take(piece)
    }
    this.#afterEmptyLine = isEmptyLine(piece)
    if (!this.#message && !this.#afterEmptyLine) this.#stray(offset)
  }

  #begin(from: FromLine, offset: number, { bytes }: LinePiece): void {
    this.#endMessage()
    this.#message = new MboxMessage(this.#reading, bytes.at(-2) === 0x0d, this.#octets)
    this.#parts.push({ kind: 'begin', from, place: { line: this.#line, offset } })
  }

  #stray(offset: number): void {
    if (this.#straying) return
    this.#straying = true
    this.#doubt(offset, "text before the first line that begins with 'From ': left out")
  }

  #doubt(offset: number, what: string): void {
    this.#parts.push({ kind: 'doubt', place: { line: this.#line, offset }, what })
  }

  #endMessage(): void {
    const message = this.#message
    if (!message) return
    this.#message = undefined
    message.end()
    this.#handOver(this.#octets.takeAll())
    this.#parts.push({ kind: 'end', message })
  }

  #handOver(blocks: readonly Uint8Array[]): void {
    for (const octets of blocks) this.#parts.push({ kind: 'octets', octets })
  }
}

const undated = "a line begins with 'From ' and has no date: taken for text"
const longestFromLine = 1_024
const from = Buffer.from('From ')

function readFromLine(bytes: Uint8Array): FromLine | undefined {
  if (bytes.length > longestFromLine || !from.every((octet, index) => bytes[index] === octet))
    return undefined
  return parseFromLine(Buffer.from(bytes).toString('latin1').trimEnd())
}

function isEmptyLine({ bytes, startsLine, endsLine }: LinePiece): boolean {
  return startsLine && endsLine && (bytes.length === 1 || (bytes.length === 2 && bytes[0] === 0x0d))
}
