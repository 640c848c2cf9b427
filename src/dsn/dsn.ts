import type { EnvelopeRecipient } from '../core/envelope.js'
import type { MessageSource } from '../message/message-source.js'
import type { AttemptRecord } from '../storage/queue-storage.js'

/** What a delivery status notification tells (RFC 3464 §2.3.3); `expanded`: sent on to several addresses. */
export type DsnKind = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded'

/** What a DSN is made of. Instants are epoch milliseconds. */
export interface DsnContent {
  readonly kind: DsnKind
  /** The server that reports, as in `Reporting-MTA`. */
  readonly hostname: string
  /** The original sender, to whom it goes. Never `''`. */
  readonly to: string
  /** `Message-ID` of the DSN is made of this. */
  readonly traceId: string
  readonly now: number
  readonly arrivedAt: number
  readonly envid?: string
  /** Whether a failure returns the whole message, or its header as everything else does. */
  readonly ret: 'full' | 'hdrs'
  readonly recipients: readonly DsnRecipient[]
  /** The message it is about. */
  readonly message: MessageSource
  /** Whether the original travelled with SMTPUTF8; the DSN then uses the forms of RFC 6533. */
  readonly smtputf8: boolean
}

/** One recipient a DSN tells of. */
export interface DsnRecipient {
  readonly recipient: EnvelopeRecipient
  /** The last attempt. */
  readonly attempt: AttemptRecord
  /** Until when it will be tried, for delay warnings. */
  readonly willRetryUntil?: number
  /** Whether the time to deliver it ran out, for failures. */
  readonly expired?: boolean
}
