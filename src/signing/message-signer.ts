import type { Envelope } from '../core/envelope.js'
import type { MessageSource } from '../message/message-source.js'

/**
 * The contract of what signs mail that leaves: asked once for each message, before it is stored for delivery, so that
 * every attempt sends the same bytes.
 */
export interface MessageSigner {
  /**
   * Header fields to be put on top of the message, each ending in CRLF, each octet a character (latin1); `''` for none. When it throws, the message is
   * not taken for now.
   */
  sign(message: MessageSource, about: SigningRequest): Promise<string>
}

/** What is known of a message that is to be signed. */
export interface SigningRequest {
  readonly traceId: string
  readonly envelope: Envelope
  /** Whether it is mail of our own: of the app, of a user, a report of the queue. Otherwise it is forwarded for others. */
  readonly ours: boolean
  /** Epoch milliseconds. */
  readonly now: number
}
