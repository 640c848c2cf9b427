import type { MessageSource } from '../message/message-source.js'
import type { BlobId } from './storage.js'

/**
 * Message bytes. A blob lives as long as a message or queue entry refers to it, and is gone some time after
 * the last of them.
 */
export interface BlobStorage {
  /**
   * Stores bytes that nothing refers to yet; a later `accept` with the id keeps them. A blob that is not kept
   * within an hour may be collected.
   */
  write(source: AsyncIterable<Uint8Array>): Promise<{ readonly id: BlobId; readonly size: number }>
  /**
   * The blob as a message source, or `undefined` when it does not exist. Reads ranges without loading the
   * whole. `prefix` is put before its bytes and counts in `size` and ranges.
   */
  open(id: BlobId, prefix?: Uint8Array): Promise<MessageSource | undefined>
}
