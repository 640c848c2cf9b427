import { MailError } from '../../core/error.js'
import { exactChunks } from '../../message/exact-chunks.js'
import type { MessageSource } from '../../message/message-source.js'
import { bytesSource, concatSources, piecesSource } from '../../message/sources.js'
import type { BlobStorage } from '../blob-storage.js'
import type { BlobId } from '../storage.js'
import type { StorageLifetime } from '../storage-lifetime.js'

const hour = 3_600_000
/** Octets of a buffer that small pieces share. Not `Buffer.poolSize`: as of Node 24 it is as large as what a socket reads into. */
const pool = 8_192

/** Bytes in one piece or several, one after another, and how many they are. */
export interface Pieces {
  readonly list: readonly Uint8Array[]
  readonly size: number
}

interface Blob {
  readonly pieces: Pieces
  /** Messages and queue entries that refer to it. */
  references: number
}

/**
 * Message bytes in memory, counted and freed with the last reference. Bytes that a source holds already are kept as
 * they are, in as many pieces: a message source never changes.
 */
export class MemoryBlobs implements BlobStorage {
  readonly #blobs = new Map<BlobId, Blob>()
  readonly #maxBytes: number
  readonly #lifetime: StorageLifetime
  #bytes = 0
  #lastId = 0
  /** Blobs nothing refers to yet, and from when on they may go, which the next sweep sets. */
  readonly #unkept = new Map<BlobId, number>()

  constructor(maxBytes: number, lifetime: StorageLifetime) {
    this.#maxBytes = maxBytes
    this.#lifetime = lifetime
  }

  async write(source: AsyncIterable<Uint8Array>): Promise<{ id: BlobId; size: number }> {
    this.#lifetime.assertOpen()
    const pieces = await this.#lifetime.track(this.#gather(source))
    const id = this.add(pieces)
    this.leave(id)
    return { id, size: pieces.size }
  }

  async #gather(source: AsyncIterable<Uint8Array>): Promise<Pieces> {
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of source) {
      size += chunk.length
      this.assertRoom(size)
      // The writer may use its buffer again.
      chunks.push(new Uint8Array(chunk))
    }
    return { list: [Buffer.concat(chunks, size)], size }
  }

  async open(id: BlobId, prefix?: Uint8Array): Promise<MessageSource | undefined> {
    this.#lifetime.assertOpen()
    const blob = this.#blobs.get(id)
    if (!blob) return undefined
    const source = piecesSource(blob.pieces.list)
    return prefix?.length ? concatSources([bytesSource(prefix), source]) : source
  }

  /** Octets of a blob. @throws MailError `NO_SUCH_MESSAGE`. */
  sizeOf(id: BlobId): number {
    const blob = this.#blobs.get(id)
    if (blob) return blob.pieces.size
    throw new MailError('NO_SUCH_MESSAGE', `blob ${JSON.stringify(id)} does not exist (any more)`)
  }

  /** @throws MailError `STORAGE_FULL`. */
  assertRoom(size: number): void {
    if (this.#bytes + size <= this.#maxBytes) return
    throw new MailError(
      'STORAGE_FULL',
      `memoryStorage: ${size} octets more than the ${this.#bytes} held would pass maxBytes (${this.#maxBytes})`,
      { temporary: true },
    )
  }

  /** Keeps bytes, to be referred to or left in the same turn. */
  add(pieces: Pieces): BlobId {
    const id = `b${(++this.#lastId).toString(36)}`
    this.#blobs.set(id, { pieces, references: 0 })
    this.#bytes += pieces.size
    return id
  }

  /** Leaves a blob that nothing refers to, for somebody to refer to within the hour. */
  leave(id: BlobId): void {
    this.#unkept.set(id, Number.POSITIVE_INFINITY)
  }

  refer(id: BlobId, references: number): void {
    const blob = this.#blobs.get(id)
    if (!blob || references === 0) return
    if (blob.references === 0) this.#unkept.delete(id)
    blob.references += references
  }

  /** Takes one reference back; the last frees the bytes. Who reads them keeps them for as long as that takes. */
  release(id: BlobId): void {
    const blob = this.#blobs.get(id)
    if (blob && --blob.references === 0) this.#free(id, blob)
  }

  /** Frees what was written and not referred to for an hour, as far as the instants that pass by show. */
  sweep(now: number, due: number): void {
    for (const [id, goneAt] of this.#unkept) {
      const blob = this.#blobs.get(id)
      // A time further ahead than that is from a clock that was set back since.
      if (goneAt > now + hour) this.#unkept.set(id, now + hour)
      else if (goneAt <= due && blob) this.#free(id, blob)
    }
  }

  #free(id: BlobId, blob: Blob): void {
    this.#blobs.delete(id)
    this.#unkept.delete(id)
    this.#bytes -= blob.pieces.size
  }
}

/** The bytes of a batch's message where they are in memory. */
export function piecesAtHand(message: MessageSource): Pieces | undefined {
  return message.pieces && { list: message.pieces.map(withoutSurplus), size: message.size }
}

/** A short piece of a long buffer would keep the whole buffer; but for those that Node shares among small ones. */
function withoutSurplus(piece: Uint8Array): Uint8Array {
  const { byteLength } = piece.buffer
  return piece.length * 2 >= byteLength || byteLength <= pool ? piece : new Uint8Array(piece)
}

/**
 * Reads a source to its end.
 * @throws MailError `MESSAGE_INCOMPLETE` when it gives other than `size` octets; `STORAGE_FULL`.
 */
export async function readWhole(source: MessageSource): Promise<Pieces> {
  const bytes = allocate(source.size)
  let length = 0
  for await (const chunk of exactChunks(source)) {
    bytes.set(chunk, length)
    length += chunk.length
  }
  return { list: [bytes], size: length }
}

function allocate(size: number): Uint8Array {
  try {
    return Buffer.allocUnsafeSlow(size)
  } catch (cause) {
    throw new MailError('STORAGE_FULL', `no memory for a message of ${size} octets`, {
      temporary: true,
      cause,
    })
  }
}
