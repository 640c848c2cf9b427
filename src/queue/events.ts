import type { DsnKind } from '../dsn/dsn.js'
import type { ParsedDsn } from '../dsn/read-delivery-status.js'
import type { AttemptRecord, QueueEntry } from '../storage/queue-storage.js'

/** Events of a {@link DeliveryQueue}. Every payload carries the message's trace id. */
export interface DeliveryQueueEvents {
  /** A message was stored for delivery. */
  'message:queued': {
    traceId: string
    sender: string
    entries: readonly string[]
    recipients: readonly string[]
  }
  /** An attempt begins, for recipients of one message at one destination. */
  'attempt:started': { traceId: string; destination: string; entries: readonly string[]; attempt: number }
  /** A recipient's next server took the message. */
  'recipient:delivered': RecipientEvent
  /** An attempt failed for now; `retryAt` says when the next is due. */
  'recipient:deferred': RecipientEvent & { retryAt: number }
  /** The message will not be delivered to a recipient; a DSN was stored in the same commit, if anybody is to be told. */
  'recipient:failed': RecipientEvent & { expired: boolean }
  /** The connection died after the final dot: the message may or may not have arrived. It is retried like a deferred one. */
  'recipient:unknown': RecipientEvent & { retryAt: number }
  /** A recipient whose server says that it does not exist was put on the suppression list. */
  'recipient:suppressed': { traceId: string; recipient: string; reason: string }
  /** A DSN was stored: a bounce, a delay warning, or news of success, also of what is kept here. `to` is the original sender. */
  'dsn:sent': {
    traceId: string
    dsnTraceId: string
    kind: DsnKind
    to: string
    recipients: readonly string[]
  }
  /** Something was to be returned to a null sender, a looping message or a sender that does not exist, and was not. */
  'dsn:suppressed': { traceId: string; reason: string; recipients: readonly string[] }
  /**
   * A bounce came in for mail that was sent before: a message from the null sender, stored for a local recipient. It is
   * `verified` when it came to a signed return address (`verp`): `sender` and `recipient`, where there is one, are then
   * those of the mail it is about. Otherwise it is a delivery status notification that anybody may have written, and
   * `sender` the address it came to. `dsn` is what it says, where that can be read.
   */
  'bounce:received': {
    traceId: string
    to: string
    sender: string
    recipient?: string
    verified: boolean
    dsn?: ParsedDsn
  }
  /** The operator held entries. */
  'entry:held': { traceId: string; entry: string }
  /** The operator released entries, or made them due. */
  'entry:released': { traceId: string; entry: string }
  /** The operator dropped an entry. */
  'entry:dropped': { traceId: string; entry: string; recipient: string }
  /** An entry cannot be worked on and waits for the operator. */
  'entry:dead': { traceId: string; entry: string; problem: string }
  /** A lease ran out in the middle of a delivery: another process may deliver a second copy. */
  'lease:lost': { traceId: string; entries: readonly string[] }
  /**
   * A site failed several times in a row: until `until` (epoch milliseconds) its mail is put off without an attempt, but for
   * messages that would return; then one attempt at a time probes it.
   */
  'site:suspended': { traceId: string; site: string; until: number; reason: string }
  /** A site that was put aside took mail again, or answered for it. */
  'site:resumed': { traceId: string; site: string }
  /** Storage or a driver failed; the queue goes on and tries again. */
  'queue:error': { traceId: string; error: Error; during: string }
}

/** What became of one recipient in one attempt. */
export interface RecipientEvent {
  traceId: string
  entry: string
  sender: string
  recipient: string
  destination: string
  /** How it ended; where the site is put aside, why none was made. */
  attempt: AttemptRecord
  /** Attempts made. */
  attempts: number
  /** Every attempt on record, oldest first, this one the last where it was made; the last 500 at most. */
  history: readonly AttemptRecord[]
  queuedAt: QueueEntry['queuedAt']
}
