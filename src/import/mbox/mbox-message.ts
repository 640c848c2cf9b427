import type { LinePiece } from '../line-splitter.js'
import type { OctetBuffer } from '../octet-buffer.js'
import { FromQuoting, type Quoting } from './from-quoting.js'
import { type MboxMarker, markerName, parseMarker } from './mbox-marker.js'
import { flagsOfField, mailboxFields } from './status-fields.js'

const nothing = new Uint8Array()
const lf = Uint8Array.of(0x0a)
const crlf = Uint8Array.of(0x0d, 0x0a)
const carriageReturn = 0x0d
const space = 0x20
const tab = 0x09

/** How an mbox is read. */
export interface MboxReading {
  readonly format: Quoting
  readonly lineBreaks: 'crlf' | 'keep'
}

/**
 * One message of an mbox: takes its lines, without the line that begins it, and gives its octets to a buffer: unquoted, with the
 * line breaks of mail, without the fields of the mailbox in its header and without the empty line behind it.
 */
export class MboxMessage {
  /** What the export wrote that made the file, if it was ours. */
  marker: MboxMarker | undefined
  /** Octets given so far. */
  size = 0
  readonly #flags: string[] = []
  readonly #reading: MboxReading
  /** Whether the file itself has lines of CRLF, as its first line does. */
  readonly #fileHasCrlf: boolean
  readonly #quoting: FromQuoting
  #inHeader = true
  /** Whether only fields of the mailbox came yet. */
  #onTop = true
  #skipping = false
  /** Line breaks that may turn out to be those of the mbox: that of the last line, and that of an empty line behind it. */
  #breaks: Uint8Array[] = []
  #afterEmptyLine = false

  readonly #octets: OctetBuffer

  constructor(reading: MboxReading, fileHasCrlf: boolean, octets: OctetBuffer) {
    this.#reading = reading
    this.#octets = octets
    this.#fileHasCrlf = fileHasCrlf
    this.#quoting = new FromQuoting('remove', reading.format)
  }

  /** What the fields of the mailbox tell. In a file of ours a comma is part of a keyword, as RFC 3501 §9 allows. */
  get flags(): string[] {
    if (this.marker) return this.#flags
    return this.#flags.flatMap(flag => flag.split(',')).filter(flag => flag !== '')
  }

  /** Takes a line or a piece of one. */
  take(piece: LinePiece): void {
    const lineBreak = this.#breakOf(piece)
    const content = piece.bytes.subarray(0, piece.bytes.length - lineBreak.length)
    if (this.#inHeader && piece.startsLine) this.#readHeaderLine(content)
    if (this.#inHeader && this.#skipping) return
    if (piece.startsLine && content.length === 0) {
      this.#emptyLine(lineBreak)
      return
    }
    this.#flushBreaks()
    const { startsLine, endsLine } = piece
    this.#give(this.#quoting.convert({ bytes: content, startsLine, endsLine }))
    if (endsLine) this.#breaks.push(this.#converted(lineBreak))
  }

  /** Gives what is left when the next message begins, or the file ends. */
  end(): void {
    this.#give(this.#quoting.end())
    if (this.#afterEmptyLine) this.#breaks.pop()
    if (this.marker?.end === 'none') this.#breaks.pop()
    this.#flushBreaks()
  }

  #emptyLine(lineBreak: Uint8Array): void {
    if (this.#afterEmptyLine) this.#flushBreaks()
    this.#breaks.push(this.#converted(lineBreak))
    this.#afterEmptyLine = true
  }

  #flushBreaks(): void {
    this.#afterEmptyLine = false
    for (const lineBreak of this.#breaks) this.#give(lineBreak)
    this.#breaks.length = 0
  }

  #give(octets: Uint8Array): void {
    this.size += octets.length
    this.#octets.add(octets)
  }

  #breakOf({ bytes, endsLine }: LinePiece): Uint8Array {
    if (!endsLine) return nothing
    // In a file of ours a CR at the end of a line is the message's own, unless something made CRLFs of all its LFs.
    const isLf = bytes.at(-2) !== carriageReturn || (this.marker !== undefined && !this.#fileHasCrlf)
    return isLf ? lf : crlf
  }

  #converted(lineBreak: Uint8Array): Uint8Array {
    if (this.marker?.lines === 'exact') return this.#fileHasCrlf ? lf : lineBreak
    return this.marker === undefined && this.#reading.lineBreaks === 'keep' ? lineBreak : crlf
  }

  #readHeaderLine(content: Uint8Array): void {
    // Below a marker of ours all is the message's own.
    if (content.length === 0 || this.marker) {
      this.#inHeader = false
      return
    }
    const continues = content[0] === space || content[0] === tab
    if (continues) return
    this.#skipping = this.#takeField(content)
    if (!this.#skipping) this.#onTop = false
  }

  /** Reads a field of the mailbox. Gives whether it was one. */
  #takeField(content: Uint8Array): boolean {
    const line = Buffer.from(content.buffer, content.byteOffset, content.length).toString('latin1')
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0)).trimEnd().toLowerCase()
    const value = line.slice(colon + 1)
    if (name === markerName && this.#onTop) {
      this.marker = parseMarker(value)
      return this.marker !== undefined
    }
    if (!mailboxFields.has(name)) return false
    this.#flags.push(...flagsOfField(name, value))
    return true
  }
}
