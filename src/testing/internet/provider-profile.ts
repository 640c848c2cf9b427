import type { Duration } from '../../core/duration.js'

/** How a large provider treats who sends to it, as data. */
export interface ProviderProfile {
  readonly name: string
  /** The domains whose mail it takes. */
  readonly domains: readonly string[]
  /** Its mail exchangers, the best first. */
  readonly exchangers: readonly string[]
  /** What EHLO offers. */
  readonly extensions: readonly string[]
  /** Where the provider says so itself. */
  readonly sources: readonly string[]
  /** The first that applies answers. */
  readonly rules: readonly ProviderRule[]
}

/** One thing a provider objects to. */
export interface ProviderRule {
  readonly name: ProviderCondition
  /** Where in the conversation. */
  readonly at: 'connect' | 'mail' | 'rcpt' | 'message'
  /** Counted per client address; the rule applies beyond it. Numbers are of the order that providers publish or are seen to use. */
  readonly limit?: { readonly count: number; readonly per: Duration }
  readonly code: number
  /** `{ip}` stands for the address of the client, one entry a line. */
  readonly text: readonly string[]
}

/** What a provider may object to. */
export type ProviderCondition =
  /** More messages than it takes from one address. */
  | 'over-rate'
  /** More connections than it takes from one address. */
  | 'too-many-connections'
  /** The address of the client has no reverse name. */
  | 'no-reverse-name'
  /** The domain of the sender has no SPF record, and the message no DKIM signature whose key is published. */
  | 'unauthenticated'
  /** The domain in From has no DMARC record, beyond so many messages. */
  | 'bulk-without-dmarc'
  /** No DKIM signature whose key is published, beyond so many messages. */
  | 'bulk-without-dkim'
  /** The recipient has no mailbox. */
  | 'no-such-user'
  /** Less or more than one From, no Date, or no Message-ID (RFC 5322 §3.6). */
  | 'not-rfc-5322'
