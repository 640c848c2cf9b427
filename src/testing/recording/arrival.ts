import type { Envelope } from '../../core/envelope.js'
import type { SmtpSession } from '../../policy/policy.js'

/** A message that was taken in, before anybody looks into it. */
export interface Arrival {
  /** Follows the message through events and queue. */
  readonly traceId: string
  /** Counts arrivals, from 1 on. */
  readonly number: number
  /** Epoch milliseconds on the clock of the server. */
  readonly receivedAt: number
  readonly envelope: Envelope
  /** The octets as the client sent them; of a message made by the server (a bounce), those it stored. */
  readonly bytes: Buffer
  /** The session that brought it; absent for what the server made or the app sent through its queue. */
  readonly session?: SmtpSession
}
