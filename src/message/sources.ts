import type { ByteRange, MessageSource } from './message-source.js'

const chunkSize = 64 * 1024

/** A message source of bytes held in memory. The bytes must not be changed afterwards. */
export function bytesSource(bytes: Uint8Array | string): MessageSource {
  const held = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  return { size: held.length, bytes: held, pieces: [held], open: range => chunksOf(held, range) }
}

/** A message source of bytes held in memory in pieces, one after another. They must not be changed afterwards. */
export function piecesSource(pieces: readonly Uint8Array[]): MessageSource {
  const [only] = pieces
  if (only && pieces.length === 1) return bytesSource(only)
  let size = 0
  for (const piece of pieces) size += piece.length
  return { size, pieces, open: range => readParts(pieces.map(bytesSource), range) }
}

async function* chunksOf(bytes: Uint8Array, range: ByteRange = {}): AsyncGenerator<Uint8Array> {
  const end = Math.min(range.end ?? bytes.length, bytes.length)
  for (let start = range.start ?? 0; start < end; start += chunkSize) {
    yield bytes.subarray(start, Math.min(start + chunkSize, end))
  }
}

/** Sources one after another, as one. */
export function concatSources(parts: readonly MessageSource[]): MessageSource {
  const size = sizeOf(parts)
  const pieces = parts.every(part => part.pieces) ? parts.flatMap(part => part.pieces ?? []) : undefined
  if (pieces && size <= chunkSize) return bytesSource(Buffer.concat(pieces))
  return { size, open: range => readParts(parts, range), ...(pieces && { pieces }) }
}

function sizeOf(parts: readonly { readonly size: number }[]): number {
  return parts.reduce((sum, part) => sum + part.size, 0)
}

async function* readParts(
  parts: readonly MessageSource[],
  range: ByteRange = {},
): AsyncGenerator<Uint8Array> {
  let offset = 0
  for (const part of parts) {
    const start = Math.max((range.start ?? 0) - offset, 0)
    const end = Math.min((range.end ?? Number.POSITIVE_INFINITY) - offset, part.size)
    if (start < end) yield* part.open({ start, end })
    offset += part.size
  }
}

/** All bytes of a source in one piece. For messages known to be small, and for tests. */
export async function readAll(source: MessageSource): Promise<Buffer> {
  if (source.bytes) return Buffer.from(source.bytes.buffer, source.bytes.byteOffset, source.bytes.byteLength)
  if (source.pieces) return Buffer.concat(source.pieces)
  const chunks: Uint8Array[] = []
  for await (const chunk of source.open()) chunks.push(chunk)
  return Buffer.concat(chunks)
}
