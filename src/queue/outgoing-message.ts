import type { Envelope, EnvelopeRecipient } from '../core/envelope.js'
import type { MessageSource } from '../message/message-source.js'

/** A message of the app: either its parts, or `raw` with an `envelope`. */
export interface OutgoingMessage {
  /** The whole message as bytes or a source; nothing is added but a missing `Date:` and `Message-ID:` is not supplied either. */
  raw?: MessageSource | Uint8Array | string
  /** Who it is for. Default: taken from `from`, `to`, `cc` and `bcc`. Required with `raw`. */
  envelope?: {
    /** `''` for the null sender. */
    sender: string
    recipients: readonly (string | EnvelopeRecipient)[]
  } & Pick<Envelope, 'requireTls' | 'ret' | 'envid'>
  from?: string
  to?: string | readonly string[]
  cc?: string | readonly string[]
  bcc?: string | readonly string[]
  replyTo?: string
  subject?: string
  text?: string
  html?: string
  inReplyTo?: string
  references?: readonly string[]
  /** Further header fields by name. */
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
