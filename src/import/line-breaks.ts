import type { MessageSource } from '../message/message-source.js'

const cr = 0x0d
const lf = 0x0a

/** What the line breaks of a message are like. */
export interface LineBreaks {
  /**
   * Whether all its lines end in CRLF, and none in CR CRLF: then a file may have them end in LF, and whoever makes
   * each LF of that file a CRLF has the message back.
   */
  readonly canBeLf: boolean
  /** How many lines end in LF or CRLF. */
  readonly lines: number
  /** Whether the last octet is a LF. A message without octets counts as one that ends so. */
  readonly endsLine: boolean
}

/** Reads a message to find out about its line breaks. */
export async function scanLineBreaks(source: MessageSource): Promise<LineBreaks> {
  let canBeLf = true
  let lines = 0
  /** The two octets before those of the chunk. */
  let before = [0, 0] as readonly [number, number]
  for await (const chunk of source.open()) {
    const at = (index: number) => chunk[index] ?? before[index + 2] ?? 0
    for (let feed = chunk.indexOf(lf); feed >= 0; feed = chunk.indexOf(lf, feed + 1)) {
      lines++
      canBeLf &&= at(feed - 1) === cr && at(feed - 2) !== cr
    }
    if (chunk.length > 0) before = [at(chunk.length - 2), at(chunk.length - 1)]
  }
  return { canBeLf, lines, endsLine: source.size === 0 || before[1] === lf }
}

/** Octets with each CRLF made a LF. */
export async function* toLf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  /** Whether a CR was held back, as what follows it is in the next chunk. */
  let held = false
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue
    const target = Buffer.allocUnsafe(chunk.length + 1)
    let length = 0
    if (held && chunk[0] !== lf) target[length++] = cr
    held = chunk[chunk.length - 1] === cr
    const end = held ? chunk.length - 1 : chunk.length
    for (let start = 0; start < end; ) {
      const feed = chunk.indexOf(lf, start)
      const hasBreak = feed >= 0 && feed < end
      const stop = hasBreak ? feed : end
      const drop = hasBreak && feed > start && chunk[feed - 1] === cr ? 1 : 0
      target.set(chunk.subarray(start, stop - drop), length)
      length += stop - drop - start
      if (hasBreak) target[length++] = lf
      start = stop + 1
    }
    yield target.subarray(0, length)
  }
  if (held) yield Uint8Array.of(cr)
}

/** Octets with each LF that has no CR before it made a CRLF. */
export async function* toCrlf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let last = 0
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue
    yield addCarriageReturns(chunk, last)
    last = chunk[chunk.length - 1] ?? 0
  }
}

function addCarriageReturns(chunk: Uint8Array, before: number): Uint8Array {
  const bare: number[] = []
  for (let feed = chunk.indexOf(lf); feed >= 0; feed = chunk.indexOf(lf, feed + 1)) {
    if ((feed === 0 ? before : chunk[feed - 1]) !== cr) bare.push(feed)
  }
  if (bare.length === 0) return chunk
  const target = Buffer.allocUnsafe(chunk.length + bare.length)
  let start = 0
  let length = 0
  for (const feed of bare) {
    target.set(chunk.subarray(start, feed), length)
    length += feed - start
    target[length++] = cr
    start = feed
  }
  target.set(chunk.subarray(start), length)
  return target
}
