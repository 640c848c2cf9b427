import type { Envelope, EnvelopeRecipient } from '../core/envelope.js'
import type { MessageSource } from '../message/message-source.js'

/** A message of the app: either its parts, or `raw` with an `envelope`. */
export interface OutgoingMessage {
  /**
   * The whole message as bytes or a source, sent exactly as it is: nothing is added, not even a missing `Date:` or
   * `Message-ID:`, and no `Bcc:` is taken out. Needs an `envelope`, and no other option beside it.
   */
  raw?: MessageSource | Uint8Array | string
  /** Bare addresses of sender and recipients. Default: those of `from`, `to`, `cc` and `bcc`. Required with `raw`. */
  envelope?: {
    /** `''` for the null sender. */
    sender: string
    recipients: readonly (string | EnvelopeRecipient)[]
  } & Pick<Envelope, 'requireTls' | 'ret' | 'envid'>
  /** A mailbox such as `Alice <alice@example.test>`; the sender, where there is no `envelope`. */
  from?: string
  /** Mailboxes, separated by commas or as a list. */
  to?: string | readonly string[]
  cc?: string | readonly string[]
  /** Gets the message and is named nowhere in it. */
  bcc?: string | readonly string[]
  replyTo?: string
  subject?: string
  text?: string
  html?: string
  inReplyTo?: string
  references?: readonly string[]
  /**
   * Further header fields by name; `Date` and `Message-ID` replace those the queue would write. Fields that have an
   * option of their own are refused.
   */
  headers?: Readonly<Record<string, string>>
  attachments?: readonly OutgoingAttachment[]
}

/** An attachment of an {@link OutgoingMessage}. Bytes only: no path or URL is ever read. */
export interface OutgoingAttachment {
  filename?: string
  content: Uint8Array | string
  contentType?: string
  /** For `cid:` links in the HTML. */
  contentId?: string
}

/** A message that was stored for delivery. */
export interface SentMessage {
  readonly traceId: string
  /** With its angle brackets, where the message has one. */
  readonly messageId?: string
  /** Queue entries, one a remote recipient. */
  readonly entries: readonly string[]
  /** Copies for local recipients. */
  readonly copies: number
}
