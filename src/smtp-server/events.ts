import type { Envelope } from '../core/envelope.js'
import type { Reply } from '../core/reply.js'
import type { PolicyPhase } from '../policy/run-policies.js'
import type { AcceptResult } from '../storage/storage.js'

/** What an SMTP server tells. Every payload names its session; those about a message also its trace id. */
export interface SmtpServerEvents {
  /** A client connected and may speak. */
  'session:opened': SessionEvent
  /** A connection was turned away before its session began. */
  'session:refused': SessionRefused
  /** A session ended, however it did. */
  'session:closed': SessionClosed
  /** A line of the conversation, for transcripts: a command, or a reply. Neither messages nor credentials are in it. */
  'session:line': SessionLine
  /** The connection of a session became encrypted. */
  'session:secured': SessionSecured
  /** A user logged in. */
  'session:authenticated': SessionAuthenticated
  /** Credentials were refused. */
  'auth:failed': AuthFailed
  /** A recipient was refused. */
  'recipient:rejected': RecipientRejected
  /** A message is stored, for every recipient, and the client is told so now. */
  'message:accepted': MessageAccepted
  /** A message was refused, or could not be stored, after DATA. */
  'message:rejected': MessageRejected
  /** A policy, the accounts, the router or the storage threw, took too long or broke its contract. The client got a temporary failure. */
  'handler:failed': HandlerFailed
}

/** What every event of a session tells. */
export interface SessionEvent {
  /** Trace id of the session; of the transaction for `recipient:` and `message:` events. */
  readonly traceId: string
  /** Trace id of the session. */
  readonly sessionId: string
  readonly remoteAddress: string
  readonly remotePort: number
  readonly kind: 'smtp' | 'submission' | 'lmtp'
}

/** Payload of `session:refused`. */
export interface SessionRefused extends SessionEvent {
  /** `handshake`: that of TLS from the start failed; a client may not trust the certificate. */
  readonly reason: 'connections' | 'address-connections' | 'policy' | 'early-talker' | 'handshake' | 'closing'
  /** What TLS said of the handshake, control characters escaped. */
  readonly error?: string
}

/** Payload of `session:closed`. */
export interface SessionClosed extends SessionEvent {
  /** Messages accepted in it. */
  readonly messages: number
  /** Milliseconds. */
  readonly duration: number
  /** `quit` by the client, `disconnected` without it, `timeout`, `limit` (errors, commands, logins), `policy` (a 421, a drop), `closing` with the server, `error` of socket or TLS. */
  readonly reason: 'quit' | 'disconnected' | 'timeout' | 'limit' | 'policy' | 'closing' | 'error'
  /** What the socket or TLS said, control characters escaped. */
  readonly error?: string
}

/** Payload of `session:line`. */
export interface SessionLine extends SessionEvent {
  readonly from: 'client' | 'server'
  /** Without its line end, control characters escaped; several lines of one reply are parted by LF. */
  readonly text: string
}

/** Payload of `session:secured`. */
export interface SessionSecured extends SessionEvent {
  readonly version: string
  readonly cipher: string
  readonly serverName?: string
}

/** Payload of `session:authenticated`. */
export interface SessionAuthenticated extends SessionEvent {
  readonly account: string
  readonly mechanism: string
}

/** Payload of `auth:failed`. */
export interface AuthFailed extends SessionEvent {
  /** The name that was tried, control characters escaped. */
  readonly username: string
  readonly mechanism: string
  /** Whether it was refused unseen, because the address failed too often. */
  readonly throttled: boolean
}

/** Payload of `recipient:rejected`. */
export interface RecipientRejected extends SessionEvent {
  readonly sender: string
  readonly recipient: string
  readonly reply: Reply
}

/** When a message was received, in epoch milliseconds. */
export interface ReceiptTimes {
  /** MAIL was taken. */
  readonly startedAt: number
  /** DATA was answered, and the message began to come. */
  readonly dataAt: number
  /** It was stored or refused, and the client is told so now. */
  readonly endedAt: number
}

/** Payload of `message:accepted`. */
export interface MessageAccepted extends SessionEvent {
  readonly envelope: Envelope
  /** Octets, added headers included. */
  readonly size: number
  readonly times: ReceiptTimes
  readonly account?: string
  readonly result: AcceptResult
}

/** Payload of `message:rejected`. */
export interface MessageRejected extends SessionEvent {
  readonly envelope: Envelope
  /** Octets that were received. */
  readonly size: number
  readonly times: ReceiptTimes
  /** What the client is told; where a policy had the connection cut it hears nothing, and this is a 421. */
  readonly reply: Reply
}

/** Payload of `handler:failed`. */
export interface HandlerFailed extends SessionEvent {
  /** What failed: `accounts`, `router`, `storage`, `policy <name>`, or the verb that was worked on. */
  readonly handler: string
  readonly phase?: PolicyPhase
  readonly error: unknown
}
