import { trimBlanks, trimBlanksAtEnd } from './blanks.js'
import type { MessageSource } from './message-source.js'

/** How much of a message is searched for its header, in octets. */
const headerLimit = 1024 * 1024

/** How many fields of a header are read. */
const fieldLimit = 10_000

/** The header of a message, read without its body. */
export interface MessageHeader {
  /** In their order. Together with the empty line their `raw` forms are the header, octet for octet. */
  readonly fields: readonly HeaderField[]
  /** Offset of the body: octets of the header and the empty line after it. */
  readonly size: number
  /** `false` when the header is longer than 1 MiB or has more than 10,000 fields: the rest is not in `fields`. */
  readonly complete: boolean
  /** The first field of a name, in any case. */
  get(name: string): HeaderField | undefined
  /** All fields of a name, in any case. */
  all(name: string): readonly HeaderField[]
}

/** One field of a header. */
export interface HeaderField {
  /** As written; `''` for a line that is no field. */
  readonly name: string
  /** The octets, each as the character of its number (latin1), folding and line breaks included. */
  readonly raw: string
  /**
   * Unfolded (RFC 5322 §2.2.3) and without white space at its ends; encoded words stay. Octets are read as UTF-8
   * (RFC 6532) where they are, and as latin1 where they are not.
   */
  readonly value: string
}

/**
 * Reads the header of a message and nothing beyond it. Takes what comes: bare line feeds, lines without a colon,
 * no body at all. A header that does not end within 1 MiB is read that far, and `complete` is `false`.
 */
export async function readHeader(source: MessageSource): Promise<MessageHeader> {
  if (source.bytes) return headerOf(source.bytes)
  const block = await readHeaderBlock(source)
  return parseHeader(block.bytes, block.complete)
}

/** {@link readHeader} of a message that is held in one piece. */
export function headerOf(message: Uint8Array): MessageHeader {
  const block = headerBlockOf(message)
  return parseHeader(block.bytes, block.complete)
}

/** The header in `bytes`, which end where it ends. */
export function parseHeader(bytes: Uint8Array, complete = true): MessageHeader {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const fields: HeaderField[] = []
  let start = 0
  while (start < text.length && !isLineBreak(text, start) && fields.length < fieldLimit) {
    const end = endOfField(text, start)
    fields.push(new RawField(text.slice(start, end)))
    start = end
  }
  return new Fields(fields, bytes.length, complete && (start >= text.length || isLineBreak(text, start)))
}

/** Where the field that begins at `start` ends: behind the last of its lines (RFC 5322 §2.2.3). */
function endOfField(text: string, start: number): number {
  let end = start
  do {
    end = text.indexOf('\n', end) + 1
    if (end === 0) return text.length
  } while (text[end] === ' ' || text[end] === '\t')
  return end
}

function isLineBreak(text: string, at: number): boolean {
  return text[at] === '\n' || (text[at] === '\r' && text[at + 1] === '\n')
}

/** A field whose parts are worked out when they are asked for: most fields of most messages never are. */
class RawField implements HeaderField {
  readonly raw: string

  constructor(raw: string) {
    this.raw = raw
  }

  get name(): string {
    const colon = this.raw.indexOf(':')
    // Blanks before the colon are the obsolete syntax of RFC 5322 §4.5.8.
    const name = colon < 1 ? '' : trimBlanksAtEnd(this.raw.slice(0, colon))
    return /^[!-9;-~]+$/.test(name) ? name : ''
  }

  get value(): string {
    const after = this.name === '' ? 0 : this.raw.indexOf(':') + 1
    const unfolded = this.raw.slice(after).replace(/\r?\n(?=[ \t]|$)/g, '')
    return decodeOctets(trimBlanks(unfolded))
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeOctets(octets: string): string {
  if (/^[\u0000-\u007f]*$/.test(octets)) return octets
  try {
    return utf8.decode(Buffer.from(octets, 'latin1'))
  } catch {
    return octets
  }
}

class Fields implements MessageHeader {
  readonly fields: readonly HeaderField[]
  readonly size: number
  readonly complete: boolean
  #byName: Map<string, HeaderField[]> | undefined

  constructor(fields: readonly HeaderField[], size: number, complete: boolean) {
    this.fields = fields
    this.size = size
    this.complete = complete
  }

  get(name: string): HeaderField | undefined {
    return this.all(name)[0]
  }

  all(name: string): readonly HeaderField[] {
    this.#byName ??= groupByName(this.fields)
    return this.#byName.get(name.toLowerCase()) ?? []
  }
}

function groupByName(fields: readonly HeaderField[]): Map<string, HeaderField[]> {
  const groups = new Map<string, HeaderField[]>()
  for (const field of fields) {
    const name = field.name.toLowerCase()
    const group = groups.get(name)
    if (group) group.push(field)
    else groups.set(name, [field])
  }
  return groups
}

interface HeaderBlock {
  readonly bytes: Uint8Array
  readonly complete: boolean
}

function headerBlockOf(bytes: Uint8Array): HeaderBlock {
  const scan = new HeaderEnd()
  const end = scan.find(bytes.length > headerLimit ? bytes.subarray(0, headerLimit) : bytes)
  if (end !== undefined) return { bytes: bytes.subarray(0, end), complete: true }
  return { bytes: bytes.subarray(0, headerLimit), complete: bytes.length <= headerLimit }
}

async function readHeaderBlock(source: MessageSource): Promise<HeaderBlock> {
  const scan = new HeaderEnd()
  const chunks: Uint8Array[] = []
  for await (const chunk of source.open({ end: headerLimit })) {
    const end = scan.find(chunk)
    chunks.push(end === undefined ? chunk : chunk.subarray(0, end))
    if (end !== undefined) return { bytes: Buffer.concat(chunks), complete: true }
  }
  return { bytes: Buffer.concat(chunks), complete: source.size <= headerLimit }
}

/** Looks for the empty line that ends a header, in bytes that come in pieces. */
export class HeaderEnd {
  /** Whether nothing but perhaps a CR has come since the last line break. */
  #empty = true
  #afterCr = false

  /** Offset in `chunk` behind the empty line, or `undefined` when it has not come. */
  find(chunk: Uint8Array): number | undefined {
    let start = 0
    for (;;) {
      const feed = chunk.indexOf(0x0a, start)
      const end = feed < 0 ? chunk.length : feed
      this.#see(chunk, start, end)
      if (feed < 0) return undefined
      if (this.#empty) return feed + 1
      this.#empty = true
      this.#afterCr = false
      start = feed + 1
    }
  }

  #see(chunk: Uint8Array, start: number, end: number): void {
    if (start === end || !this.#empty) return
    const loneCr = end - start === 1 && chunk[start] === 0x0d && !this.#afterCr
    this.#empty = loneCr
    this.#afterCr = loneCr
  }
}
