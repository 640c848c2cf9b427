import { parseOptions } from '../../core/options.js'
import { SweepTimes } from '../../core/sweep-times.js'
import type { BlobStorage } from '../blob-storage.js'
import type { LockStorage } from '../lock-storage.js'
import type { MailStorage } from '../mail-storage.js'
import type { QueueStorage } from '../queue-storage.js'
import type { RecordStorage } from '../record-storage.js'
import { type AcceptBatch, type AcceptResult, type BlobId, isStoredBlob, type Storage } from '../storage.js'
import { StorageLifetime } from '../storage-lifetime.js'
import { AcceptedBatches } from './accepted-batches.js'
import { ChangeFeed } from './change-feed.js'
import type { Commit } from './commit.js'
import { MemoryBlobs, type Pieces, piecesAtHand, readWhole } from './memory-blobs.js'
import { MemoryLocks } from './memory-locks.js'
import { MemoryMail, type PreparedCopy, prepareCopy } from './memory-mail.js'
import { MemoryQueue } from './memory-queue.js'
import { MemoryRecords } from './memory-records.js'
import { type MemoryStorageOptions, memoryStorageSchema } from './options.js'
import { newSlots, type QueueSlot } from './queue-slot.js'

/**
 * Storage in the memory of this process: the default, the reference for other drivers, and what tests want.
 * "Durable" ends with the process here; everything else of the contract holds.
 *
 * Bytes at hand (`MessageSource.pieces`) are kept as they are, and `prefix` of a message record is the
 * storage's own: neither may be changed. The ids of accepted batches are remembered for an hour, or the last two
 * thousand where there are more.
 * @throws MailError `OPTION_INVALID`.
 */
export function memoryStorage(options: MemoryStorageOptions = {}): Storage {
  const { maxBytes } = parseOptions('memoryStorage', memoryStorageSchema(), options)
  return new MemoryStorage(maxBytes)
}

/** All that a batch needs, read and checked: storing it cannot fail any more. */
interface PreparedBatch {
  readonly batch: AcceptBatch
  /** Of the blob that is stored already. */
  readonly blob: BlobId | undefined
  readonly body: Pieces
  readonly size: number
  readonly copies: readonly PreparedCopy[]
  readonly slots: readonly QueueSlot[]
}

const noBytes: Pieces = { list: [], size: 0 }
const noSlots: readonly QueueSlot[] = []
const noEntries: AcceptResult['entries'] = Object.freeze([])

class MemoryStorage implements Storage {
  readonly blobs: BlobStorage
  readonly mail: MailStorage
  readonly queue: QueueStorage
  readonly locks: LockStorage
  readonly records: RecordStorage
  readonly #blobs: MemoryBlobs
  readonly #mail: MemoryMail
  readonly #queue: MemoryQueue
  readonly #records: MemoryRecords
  readonly #lifetime = new StorageLifetime('memoryStorage')
  readonly #feed = new ChangeFeed()
  readonly #accepted = new AcceptedBatches()
  readonly #sweeps = new SweepTimes()

  constructor(maxBytes: number) {
    const lifetime = this.#lifetime
    const feed = this.#feed
    const blobs = new MemoryBlobs(maxBytes, lifetime)
    this.blobs = this.#blobs = blobs
    this.mail = this.#mail = new MemoryMail({ lifetime, blobs, feed })
    const records = new MemoryRecords(lifetime)
    this.records = this.#records = records
    this.queue = this.#queue = new MemoryQueue({
      lifetime,
      blobs,
      records,
      feed,
      sees: instant => this.#sweep(instant),
      read: batches => this.#readAll(batches),
    })
    this.locks = new MemoryLocks(lifetime)
  }

  async accept(batch: AcceptBatch): Promise<AcceptResult> {
    this.#lifetime.assertOpen()
    const known = this.#accepted.get(batch.id)
    if (known) return known
    const atHand = bodyAtHand(batch)
    const prepared = this.#prepare(batch, atHand ?? (await this.#read(batch)))
    const commit = this.#feed.begin()
    const result = atHand ? this.#store(prepared, commit) : this.#storeOnce(prepared, commit)
    this.#sweep(batch.receivedAt)
    this.#feed.publish(commit)
    return result
  }

  #sweep(now: number): void {
    const due = this.#sweeps.due(now)
    if (due === undefined) return
    this.#blobs.sweep(now, due)
    this.#records.sweep(due)
    this.#sweeps.swept(now)
  }

  subscribe(listener: Parameters<Storage['subscribe']>[0]): () => void {
    this.#lifetime.assertOpen()
    return this.#feed.subscribe(listener)
  }

  close(): Promise<void> {
    return this.#lifetime.end(async () => this.#feed.clear())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #readAll(batches: readonly AcceptBatch[]): Promise<(commit: Commit) => AcceptResult[]> {
    const bodies = await Promise.all(batches.map(batch => bodyAtHand(batch) ?? this.#read(batch)))
    return commit => {
      const prepared = batches.map((batch, index) => this.#prepare(batch, bodies[index] ?? noBytes))
      this.#blobs.assertRoom(prepared.reduce((sum, { body }) => sum + body.size, 0))
      return prepared.map(one => this.#storeOnce(one, commit))
    }
  }

  async #read(batch: AcceptBatch): Promise<Pieces> {
    if (isStoredBlob(batch.message)) return noBytes
    this.#blobs.assertRoom(batch.message.size)
    return this.#lifetime.track(readWhole(batch.message))
  }

  #prepare(batch: AcceptBatch, body: Pieces): PreparedBatch {
    const { message, queued, receivedAt } = batch
    const blob = isStoredBlob(message) ? message.blob : undefined
    const size = blob === undefined ? body.size : this.#blobs.sizeOf(blob)
    this.#blobs.assertRoom(body.size)
    const copies = batch.copies.map(prepareCopy)
    const slots = queued ? newSlots(queued, receivedAt) : noSlots
    return { batch, blob, body, size, copies, slots }
  }

  /** Another call with the id of this batch may have come first while its message was read. */
  #storeOnce(prepared: PreparedBatch, commit: Commit): AcceptResult {
    return this.#accepted.get(prepared.batch.id) ?? this.#store(prepared, commit)
  }

  #store({ batch, blob: stored, body, size, copies, slots }: PreparedBatch, commit: Commit): AcceptResult {
    const { receivedAt } = batch
    const blob = stored ?? this.#blobs.add(body)
    const result = Object.freeze({
      blob,
      copies: Object.freeze(this.#mail.store(copies, blob, size, receivedAt, commit)),
      entries: slots.length === 0 ? noEntries : Object.freeze(this.#queue.store(slots, blob, size, commit)),
    })
    if (stored === undefined && copies.length + slots.length === 0) this.#blobs.leave(blob)
    this.#accepted.add(batch.id, result, receivedAt)
    return result
  }
}

/** The bytes of a batch where nothing needs to be waited for. */
function bodyAtHand({ message }: AcceptBatch): Pieces | undefined {
  return isStoredBlob(message) ? noBytes : piecesAtHand(message)
}
