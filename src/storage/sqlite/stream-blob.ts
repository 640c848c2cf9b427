import { wrongSize } from '../../message/wrong-size.js'
import { chunkSize } from './blob-rows.js'
import type { Connection } from './connection.js'

/** A blob that was written piece by piece. */
export interface StreamedBlob {
  readonly row: number
  readonly size: number
}

/**
 * Writes a blob in pieces, each durable before the next is read, so that no more than one is held.
 * @param expected - octets it must have.
 */
export async function streamBlob(
  connection: Connection,
  source: AsyncIterable<Uint8Array>,
  expected?: number,
): Promise<StreamedBlob> {
  const row = await connection.run('beginBlob', [])
  try {
    const size = await writePieces(connection, row, source, expected)
    if (expected !== undefined && size !== expected) throw wrongSize(expected, size)
    return { row, size }
  } catch (thrown) {
    // What cannot be discarded now is swept away later.
    await connection.run('discardBlob', [row]).catch(() => undefined)
    throw thrown
  }
}

async function writePieces(
  connection: Connection,
  row: number,
  source: AsyncIterable<Uint8Array>,
  expected = Number.POSITIVE_INFINITY,
): Promise<number> {
  let size = 0
  let number = 0
  for await (const piece of piecesOf(source)) {
    size += piece.length
    if (size > expected) throw wrongSize(expected, size)
    await connection.run('appendChunk', [row, number++, piece], piece.length)
  }
  return size
}

/** Pieces of {@link chunkSize}, the last one shorter, each in a buffer of its own. */
async function* piecesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(chunkSize)
  let length = 0
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + chunkSize - length)
      piece.set(part, length)
      length += part.length
      at += part.length
      if (length < chunkSize) continue
      yield piece
      piece = new Uint8Array(chunkSize)
      length = 0
    }
  }
  if (length > 0) yield piece.slice(0, length)
}
