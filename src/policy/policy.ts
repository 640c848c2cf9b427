import type { Envelope, EnvelopeRecipient } from '../core/envelope.js'
import type { Reply } from '../core/reply.js'
import type { MessageSource } from '../message/message-source.js'

/**
 * A check that an SMTP server composes: each phase is optional. Policies run in their order; the first that does not
 * continue ends the phase. One that throws, or does not answer within the server's `policyTimeout`, defers with
 * `451 4.3.0` and an event.
 */
export interface Policy {
  /** For events and logs, such as `greylisting`. */
  readonly name: string
  /** Before the greeting. */
  connect?(session: SmtpSession): PolicyAnswer
  /** At EHLO, HELO or LHLO; `session.hello` is set. */
  hello?(session: SmtpSession): PolicyAnswer
  /** After AUTH succeeded; `session.account` is set. */
  auth?(session: SmtpSession): PolicyAnswer
  /** At MAIL, once its syntax and the right to send as the sender are checked. */
  mail?(session: SmtpSession, mail: Omit<Envelope, 'recipients'>): PolicyAnswer
  /** At RCPT, for a recipient that exists or may be relayed to. */
  rcpt?(session: SmtpSession, mail: Omit<Envelope, 'recipients'>, recipient: EnvelopeRecipient): PolicyAnswer
  /** The whole message, `Received:` not yet added. Headers of the verdict are put on top. */
  message?(session: SmtpSession, envelope: Envelope, message: MessageSource): PolicyAnswer
}

/** What a phase answers; nothing means to continue. */
export type PolicyAnswer = Verdict | undefined | Promise<Verdict | undefined>

/** What a policy decided. */
export type Verdict =
  /** `headers` are whole header fields without CRLF at the end: `Authentication-Results: …`. */
  | { readonly action: 'continue'; readonly headers?: readonly string[] }
  /** Try later: a 4xx reply. Default: `451 4.7.1`. The connection ends with a 421 (RFC 5321 §4.2.3), and goes on after any other. */
  | { readonly action: 'defer'; readonly reply?: Reply }
  /** No: a 5xx reply. Default: `550 5.7.1`. */
  | { readonly action: 'reject'; readonly reply?: Reply }
  /** Not a word: the connection is cut. RFC 5321 §3.8 wants a 421; for tests, and for clients that are owed no answer. */
  | { readonly action: 'drop' }

/** What is known of an SMTP session. */
export interface SmtpSession {
  /** Trace id of the session. */
  readonly id: string
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  /** What kind of listener it came in by. */
  readonly kind: 'smtp' | 'submission' | 'lmtp'
  readonly connectedAt: number
  /** What EHLO, HELO or LHLO named; `undefined` before. */
  readonly hello?: string
  /** Whether the client said EHLO or LHLO. */
  readonly extended: boolean
  /** Set while the connection is encrypted. */
  readonly tls?: { readonly version: string; readonly cipher: string; readonly serverName?: string }
  /** Account id of the user who logged in. */
  readonly account?: string
  /** Trace id of the transaction, from MAIL on: what the events and the queue know the message by. */
  readonly traceId?: string
}
