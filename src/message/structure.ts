import type { MessageHeader } from './header.js'
import type { MessageSource } from './message-source.js'
import { StructureScanner } from './structure-scanner.js'

/** How a message is built of MIME parts (RFC 2045, 2046). */
export interface MessageStructure {
  /** The message itself. */
  readonly root: MimePart
  /** Parts in all, the root included. */
  readonly parts: number
  /** `false` when the message went beyond a limit: what lies further in is counted as body of the part it is in. */
  readonly complete: boolean
}

/**
 * A part of a message. Offsets are octets from the beginning of the message, so each span can be read with
 * {@link MessageSource.open}.
 */
export interface MimePart {
  /** Lower case: `text`. */
  readonly type: string
  /** Lower case: `plain`. */
  readonly subtype: string
  /** Of `Content-Type`, names in lower case. */
  readonly parameters: ReadonlyMap<string, string>
  /** `Content-Transfer-Encoding`, lower case; `7bit` where there is none (RFC 2045 §6.1). */
  readonly encoding: string
  /** Its header fields, read out of the kept octets at each access. */
  readonly header: MessageHeader
  /** Where its header begins. */
  readonly headerStart: number
  /** Where its body begins: behind the empty line. */
  readonly bodyStart: number
  /** Where its body ends. The line break before a boundary belongs to the boundary (RFC 2046 §5.1.1). */
  readonly bodyEnd: number
  /** Lines of the body, a last one without a line break included. */
  readonly lines: number
  /** Parts of a multipart. */
  readonly children: readonly MimePart[]
  /** The message inside a `message/rfc822` or `message/global` that is not encoded. */
  readonly message?: MimePart
}

/** How far {@link parseStructure} goes into a message. */
export interface StructureLimits {
  /** Parts, the root and nested messages included. Default: 10,000. */
  parts?: number
  /** Levels of multiparts and nested messages. Default: 100. */
  depth?: number
  /** Octets of the headers of all parts together. Default: 2 MiB. */
  headerSize?: number
}

/**
 * Reads how a message is built. Takes one pass over the bytes, linear time, and memory for the headers of the parts
 * only. Never fails for what is in the message: what is no MIME is the body of a `text/plain` part (RFC 2045 §5.2).
 */
export async function parseStructure(
  source: MessageSource,
  limits: StructureLimits = {},
): Promise<MessageStructure> {
  const scanner = new StructureScanner({
    parts: limits.parts ?? 10_000,
    depth: limits.depth ?? 100,
    headerSize: limits.headerSize ?? 2 * 1024 * 1024,
  })
  let unbroken = 0
  for await (const chunk of source.open()) {
    scanner.write(chunk)
    unbroken += chunk.length
    if (unbroken > turnSize) {
      unbroken = 0
      await turnOfEventLoop()
    }
  }
  return scanner.end()
}

/** How many octets are read before others get their turn; bytes in memory would otherwise come without a pause. */
const turnSize = 512 * 1024

function turnOfEventLoop(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
