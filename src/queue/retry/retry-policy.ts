import type { AttemptRecord } from '../../storage/queue-storage.js'

/**
 * Decides after each attempt that did not deliver and may be repeated. A pure function: what it answers
 * depends on its argument alone. It is not asked about permanent failures; those are returned at once.
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
    }
  | { readonly giveUp: true; readonly reason?: string }
