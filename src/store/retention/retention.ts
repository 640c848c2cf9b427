import type { Duration } from '../../core/duration.js'
import type { MailError } from '../../core/error.js'
import type { MailboxRecord } from '../../storage/mail-storage.js'

/** How much is kept. What is beyond it is removed for good, the oldest first. */
export interface RetentionLimits {
  /**
   * For how long a message is kept, from when it came into its mailbox (RFC 8514), so that a message moved to a `Trash` has its
   * time there. Default: for ever.
   */
  maxAge?: Duration
  /** How many messages are kept. Default: no limit. */
  maxMessages?: number
  /** How many octets are kept. Default: no limit. */
  maxBytes?: number
}

/** Limits and what they are for. */
export interface RetentionRule extends RetentionLimits {
  /** Of one account. Default: of each account. */
  account?: string
  /** For one mailbox, not for those below it. Default: for all mailboxes of the account together. */
  mailbox?: string
}

/**
 * How much is kept: rules, which all hold; or a function that tells the limits of each mailbox. What the function throws concerns
 * that mailbox's account until the next run.
 */
export type Retention =
  | readonly RetentionRule[]
  | ((mailbox: MailboxRecord) => RetentionLimits | undefined | Promise<RetentionLimits | undefined>)

/** What one run of retention removed. */
export interface RetentionResult {
  readonly messages: number
  readonly bytes: number
  /** Mailboxes that something went from. */
  readonly mailboxes: readonly RetentionRemoval[]
  /** Accounts whose mailboxes could not be looked through to the end; the next run tries again. */
  readonly failed: readonly RetentionFailure[]
}

/** What went from one mailbox. */
export interface RetentionRemoval {
  readonly account: string
  readonly mailbox: string
  readonly messages: number
  readonly bytes: number
}

/** Why an account could not be looked through. */
export interface RetentionFailure {
  readonly account: string
  readonly error: MailError
}
