import type { Envelope, EnvelopeRecipient } from '../core/envelope.js'
import type { Route } from '../routing/router.js'

/** A route that takes the message. */
export type AcceptingRoute = Extract<Route, { kind: 'accept' }>

/** One recipient that was accepted. */
export interface RoutedRecipient {
  readonly recipient: EnvelopeRecipient
  readonly route: AcceptingRoute
}

/** A mail transaction, from MAIL on (RFC 5321 §3.3). */
export interface Transaction {
  readonly traceId: string
  readonly mail: Omit<Envelope, 'recipients'>
  /** SIZE of MAIL (RFC 1870), 0 when it was not declared. */
  readonly declaredSize: number
  /** By `addressKey`, so that a duplicate is found at once however many there are. */
  readonly recipients: Map<string, RoutedRecipient>
  /** One for each RCPT that was taken, in their order, duplicates included: LMTP answers for every one (RFC 2033 §4.2). */
  readonly taken: RoutedRecipient[]
  /** Header fields that policies gave since MAIL. */
  readonly headers: string[]
  /** When MAIL was taken, in epoch milliseconds. */
  readonly startedAt: number
  /** When the message began to come. */
  dataAt?: number
}
