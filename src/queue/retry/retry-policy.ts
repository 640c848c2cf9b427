import type { AttemptRecord } from '../../storage/queue-storage.js'

/**
 * Decides after each attempt that did not deliver and may be repeated. A pure function: what it answers
 * depends on its argument alone. It is not asked about permanent failures, which are returned at once, unless it is a
 * {@link ReconsideringRetryPolicy}.
 */
export type RetryPolicy = (context: RetryContext) => RetryDecision

/** What a {@link RetryPolicy} decides by. Instants are epoch milliseconds. */
export interface RetryContext {
  /** Attempts made, this one included; 1 after the first. */
  readonly attempt: number
  readonly queuedAt: number
  readonly now: number
  readonly outcome: AttemptRecord
  /** The sender's address, `''` for a bounce. */
  readonly sender: string
  readonly recipient: string
  readonly destination: string
  /** The family of addresses this attempt was kept to by an earlier decision. */
  readonly family?: 4 | 6
  /** Whether the sender was already told of the delay. */
  readonly warned: boolean
  /** A number from 0 to below 1, drawn anew for each decision. */
  readonly random: number
}

/** Try again at an instant, perhaps telling the sender of the delay now; or give up and return the message. */
export type RetryDecision =
  | {
      readonly retryAt: number
      readonly warn?: boolean
      /** When the message will return to its sender unless it is delivered before, for the warning to say. */
      readonly giveUpAt?: number
      /** The next attempts are kept to addresses of this family, where there are any. */
      readonly family?: 4 | 6
      /** The server wants less at once: its site gets half. Default: what it said of the message is no sign of that. */
      readonly pace?: 'slow-down'
    }
  /** `permanent`: it is returned as refused, not as mail whose time ran out. */
  | { readonly giveUp: true; readonly permanent?: boolean; readonly reason?: string }

/** A policy that also looks at permanent failures, such as {@link retryByReply}. */
export interface ReconsideringRetryPolicy extends RetryPolicy {
  /** Decides about a permanent failure; `undefined` leaves it one. */
  reconsider(context: RetryContext): RetryDecision | undefined
}
