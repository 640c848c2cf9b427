import { chunkSize } from './blob-rows.js'
import type { Connection } from './connection.js'

/** A blob that was written piece by piece. */
export interface StreamedBlob {
  readonly row: number
  readonly size: number
}

/** Writes a blob in pieces, each durable before the next is read, so that no more than one is held. */
export async function streamBlob(
  connection: Connection,
  source: AsyncIterable<Uint8Array>,
): Promise<StreamedBlob> {
  const row = await connection.run('beginBlob', [])
  try {
    return { row, size: await writePieces(connection, row, source) }
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
): Promise<number> {
  let size = 0
  let number = 0
  // The thread that writes looks into it as well, instead of getting a copy.
  const piece = new Uint8Array(new SharedArrayBuffer(chunkSize))
  for await (const length of fill(piece, source)) {
    size += length
    await connection.run('appendChunk', [row, number++, piece.subarray(0, length)], length)
  }
  return size
}

/** Fills a piece again and again, and tells how many octets are in it: all but for the last time. */
async function* fill(piece: Uint8Array, source: AsyncIterable<Uint8Array>): AsyncGenerator<number> {
  let length = 0
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + piece.length - length)
      piece.set(part, length)
      length += part.length
      at += part.length
      if (length < piece.length) continue
      yield length
      length = 0
    }
  }
  if (length > 0) yield length
}
