import type { MessageSource } from '../message/message-source.js'
import type { BlobStorage } from './blob-storage.js'
import type { LockStorage } from './lock-storage.js'
import type { LocalCopy, MailStorage, StoredCopy } from './mail-storage.js'
import type { QueuedMessage, QueueStorage } from './queue-storage.js'
import type { RecordStorage } from './record-storage.js'

/**
 * The contract of storage: message bytes, mailboxes, the queue and what is remembered beside them, with one promise between
 * them. A driver
 * gets only clean input: the parts in front of it validate and normalise. Nothing here reads a clock; every
 * instant is an argument, in epoch milliseconds.
 *
 * Errors: a driver throws MailError `STORAGE_FULL` when there is no room, and any error otherwise; both count
 * as temporary, and neither leaves anything half done.
 */
export interface Storage extends AsyncDisposable {
  readonly blobs: BlobStorage
  readonly mail: MailStorage
  readonly queue: QueueStorage
  readonly locks: LockStorage
  readonly records: RecordStorage
  /**
   * Makes the local copies and the queue entries of one message durable together or not at all; resolves after
   * they are. Batches that arrive together may share one commit, and one that fails fails alone.
   *
   * Idempotent by `batch.id`: a second call with an id that was accepted in the last hour (at least) changes
   * nothing and gives the first result.
   */
  accept(batch: AcceptBatch): Promise<AcceptResult>
  /**
   * Calls `listener` after each commit that changed something, in commit order, until the returned function is
   * called. A change made by another process may be told later and merged with others: a listener reads what
   * it needs from the state, by MODSEQ, and takes the change as a hint.
   */
  subscribe(listener: (change: StorageChange) => void): () => void
  /** Finishes what is under way and closes. A second call resolves with the first. */
  close(): Promise<void>
}

/** Names a blob; chosen by the driver. Safe as a file name. */
export type BlobId = string

/** One message for local mailboxes, the queue, or both. */
export interface AcceptBatch {
  /** Idempotency key, at most 64 characters of `[a-z0-9.-]`. */
  readonly id: string
  /** The bytes, stored once however many copies and entries refer to them; or a blob that is stored already. */
  readonly message: MessageSource | { readonly blob: BlobId }
  readonly receivedAt: number
  /** Copies for local mailboxes. */
  readonly copies: readonly LocalCopy[]
  /** What to deliver to other servers. */
  readonly queued?: QueuedMessage
}

/** What {@link Storage.accept} made. */
export interface AcceptResult {
  readonly blob: BlobId
  /** In the order of `copies`. */
  readonly copies: readonly StoredCopy[]
  /** Ids of the queue entries, in the order of `queued.recipients`. */
  readonly entries: readonly string[]
}

/** What a commit changed. */
export type StorageChange =
  /** Messages came, changed or went in a mailbox. */
  | {
      readonly kind: 'messages'
      readonly account: string
      readonly mailbox: string
      readonly modseq: number
      /** Counters of the mailbox before the changes told of: UIDs from `uidNext` on are new. */
      readonly before: { readonly modseq: number; readonly uidNext: number }
    }
  /** Mailboxes of the account were made, renamed or deleted. */
  | { readonly kind: 'mailboxes'; readonly account: string }
  /** Entries may have become due earlier than `nextDue` said before: at `dueAt` the first of them, where that is known. */
  | { readonly kind: 'queue'; readonly dueAt?: number }

/** Whether `message` of a batch is a stored blob. */
export function isStoredBlob(message: AcceptBatch['message']): message is { readonly blob: BlobId } {
  return 'blob' in message
}
