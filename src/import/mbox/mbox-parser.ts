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

  constructor(reading: MboxReading) {
    this.#reading = reading
  }

  *push(chunk: Uint8Array): Generator<MboxPart> {
    for (const piece of this.#splitter.push(chunk)) yield* this.#take(piece)
  }

  *end(): Generator<MboxPart> {
    for (const piece of this.#splitter.end()) yield* this.#take(piece)
    yield* this.#endMessage()
  }

  *#take(piece: LinePiece): Generator<MboxPart> {
    const place = { line: this.#line + Number(piece.startsLine), offset: this.#offset }
    this.#line = place.line
    this.#offset += piece.bytes.length
    const from = piece.startsLine ? readFromLine(piece.bytes) : undefined
    const begins = from !== undefined && (from.date !== undefined || place.offset === 0)
    if (from && !begins && this.#afterEmptyLine && this.#message) {
      yield { kind: 'doubt', place, what: "a line begins with 'From ' and has no date: taken for text" }
    }
    this.#afterEmptyLine = isEmptyLine(piece)
    if (from && begins) yield* this.#begin(from, place, piece)
    else if (this.#message) yield* this.#gather(this.#message.take(piece))
    else if (!this.#afterEmptyLine) yield* this.#stray(place)
  }

  *#begin(from: FromLine, place: MboxPlace, { bytes }: LinePiece): Generator<MboxPart> {
    yield* this.#endMessage()
    this.#message = new MboxMessage(this.#reading, bytes.at(-2) === 0x0d)
    yield { kind: 'begin', from, place }
  }

  *#stray(place: MboxPlace): Generator<MboxPart> {
    if (this.#straying) return
    this.#straying = true
    yield { kind: 'doubt', place, what: "text before the first line that begins with 'From ': left out" }
  }

  *#endMessage(): Generator<MboxPart> {
    const message = this.#message
    if (!message) return
    this.#message = undefined
    yield* this.#gather(message.end())
    for (const octets of this.#octets.take()) yield { kind: 'octets', octets }
    yield { kind: 'end', message }
  }

  *#gather(pieces: Iterable<Uint8Array>): Generator<MboxPart> {
    for (const piece of pieces) {
      for (const octets of this.#octets.add(piece)) yield { kind: 'octets', octets }
    }
  }
}

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
