import type { ByteRange, MessageSource } from '../../message/message-source.js'
import { bytesSource, concatSources } from '../../message/sources.js'
import type { BlobStorage } from '../blob-storage.js'
import type { BlobId } from '../storage.js'
import { chunkSize, findBlob, readChunk } from './blob-rows.js'
import type { Connection } from './connection.js'
import { blobId } from './row-ids.js'
import { streamBlob } from './stream-blob.js'

/** Message bytes in pieces. */
export class SqliteBlobs implements BlobStorage {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async write(source: AsyncIterable<Uint8Array>): Promise<{ id: BlobId; size: number }> {
    this.#connection.assertOpen()
    const { row, size } = await this.#connection.track(streamBlob(this.#connection, source))
    return { id: blobId.of(row), size }
  }

  async open(id: BlobId, prefix?: Uint8Array): Promise<MessageSource | undefined> {
    const row = blobId.row(id)
    const blob = await this.#connection.read(statements => findBlob(statements, row))
    if (!blob) return undefined
    const source = blob.bytes ? bytesSource(blob.bytes) : this.#pieces(row, blob.size)
    return prefix?.length ? concatSources([bytesSource(prefix), source]) : source
  }

  #pieces(row: number, size: number): MessageSource {
    return { size, open: range => readPieces(this.#connection, row, size, range) }
  }
}

async function* readPieces(
  connection: Connection,
  row: number,
  size: number,
  { start = 0, end = size }: ByteRange = {},
): AsyncGenerator<Uint8Array> {
  const last = Math.min(end, size)
  for (let at = start; at < last; ) {
    const number = Math.floor(at / chunkSize)
    const piece = await connection.read(statements => readChunk(statements, row, number))
    const base = number * chunkSize
    yield piece.subarray(at - base, last - base)
    at = base + chunkSize
  }
}
