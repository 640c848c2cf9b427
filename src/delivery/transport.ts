import type { Envelope, EnvelopeRecipient } from '../core/envelope.js'
import type { MessageSource } from '../message/message-source.js'
import type { AttemptRecord } from '../storage/queue-storage.js'

/**
 * The contract of every way out: deliver one message to some recipients of one destination, with an outcome for
 * each. A transport that throws, or leaves a recipient out, has deferred it.
 */
export interface Transport {
  /** Resolves with the outcomes, in any order. Ends soon after `signal` is aborted. */
  deliver(delivery: Delivery, signal: AbortSignal): Promise<RecipientOutcome[]>
  /**
   * Names what a destination shares with others: those of one name are one site to the queue, with one limit of
   * concurrency, one rate and one back-off. `undefined`, or no such method: the destination is a site of its own.
   * Rejects where that cannot be told now, with MailError `LOOKUP_FAILED` where DNS is why: the destination stays with the
   * site it is known to have, or is one of its own for half a minute.
   */
  site?(destination: string, signal: AbortSignal): Promise<string | undefined>
  /** Closes kept connections. Deliveries under way are ended by their signals. */
  close(): Promise<void>
}

/** One message for some recipients of one destination. */
export interface Delivery {
  readonly traceId: string
  /** Domain in A-labels, or an address literal. */
  readonly destination: string
  readonly envelope: Omit<Envelope, 'recipients'>
  /** At least one. */
  readonly recipients: readonly EnvelopeRecipient[]
  readonly message: MessageSource
  /** Keeps to addresses of this family where the destination has any, as the retry policy decided. Default: both. */
  readonly family?: 4 | 6
  /** Attempts begun for the recipient that had most, this one included. */
  readonly attempt: number
}

/** What became of one recipient in this attempt. */
export interface RecipientOutcome extends Omit<AttemptRecord, 'startedAt' | 'endedAt'> {
  /** `address` of the recipient, as the delivery named it. */
  readonly recipient: string
  /** Whether the next server promised to send the DSNs the sender asked for (it offers DSN, RFC 3461 §5.2). */
  readonly dsnPassedOn?: boolean
}
