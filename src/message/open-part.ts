import { type MessageHeader, parseHeader } from './header.js'
import { parseParameterized } from './mime-parameters.js'
import type { MimePart } from './structure.js'

/** Encodings under which the octets of a nested message are its octets (RFC 2046 §5.2.1, RFC 6532 §3.7). */
const identityEncodings = new Set(['7bit', '8bit', 'binary'])

const lineFeed = Buffer.from('\n')

/** RFC 2046 §5.1.1 allows 70; some writers go beyond it. */
export const longestBoundary = 250

/** A part that is being read. */
export class OpenPart implements MimePart {
  type = 'text'
  subtype = 'plain'
  parameters: ReadonlyMap<string, string> = new Map()
  encoding = '7bit'
  readonly headerStart: number
  bodyStart = 0
  bodyEnd = 0
  lines = 0
  readonly children: OpenPart[] = []
  message?: OpenPart
  /** Line breaks of the whole message before the body. */
  breaksBefore = 0
  /** The open part with the same boundary further out, which this one hides. */
  hidden: OpenPart | undefined
  readonly #inDigest: boolean
  #headerChunks: Uint8Array[] = []
  #headerBytes = Buffer.alloc(0)

  constructor(headerStart: number, parent?: OpenPart) {
    this.headerStart = headerStart
    this.#inDigest = parent?.type === 'multipart' && parent.subtype === 'digest'
  }

  get header(): MessageHeader {
    return parseHeader(this.#headerBytes)
  }

  /** The boundary of a multipart that has a usable one. */
  get boundary(): string | undefined {
    const boundary = this.type === 'multipart' ? this.parameters.get('boundary') : undefined
    return boundary && boundary.length <= longestBoundary ? boundary : undefined
  }

  /** Whether the body is a message that can be read as it is. */
  get holdsMessage(): boolean {
    const nested = this.type === 'message' && (this.subtype === 'rfc822' || this.subtype === 'global')
    return nested && identityEncodings.has(this.encoding)
  }

  /** Takes a line of its header, to which a line feed belongs when it is `ended`. */
  addHeader(line: readonly Uint8Array[], ended: boolean): void {
    this.#headerChunks.push(...line)
    if (ended) this.#headerChunks.push(lineFeed)
  }

  /** Ends the header, reads what it says of the body, and notes where that begins. */
  beginBody(offset: number, breaksBefore: number): void {
    this.bodyStart = offset
    this.breaksBefore = breaksBefore
    this.#headerBytes = Buffer.concat(this.#headerChunks)
    this.#headerChunks = []
    const header = this.header
    const contentType = parseParameterized(header.get('content-type')?.value ?? '')
    const named = /^([^\s/]+)\/([^\s/]+)$/.exec(contentType.value)
    if (named?.[1] && named[2]) {
      this.type = named[1]
      this.subtype = named[2]
      this.parameters = contentType.parameters
    } else if (this.#inDigest) {
      // RFC 2046 §5.1.5.
      this.type = 'message'
      this.subtype = 'rfc822'
    }
    const encoding = header.get('content-transfer-encoding')?.value
    this.encoding = parseParameterized(encoding ?? '').value || '7bit'
  }
}
