import type { TlsLevel } from '../smtp-client/smtp-session.js'
import type { Verdict } from '../verdict.js'
import type { PeerCheck, TlsProblem } from './tls-problem.js'

/** By which rule connections to a host are secured. The first that applies, in this order. */
export type TlsRule =
  /** TLSA records that DNSSEC vouches for (RFC 7672). */
  | 'dane'
  /** TLSA records that nobody can act on: encryption is required, the certificate is not looked at (RFC 7672 §2.2). */
  | 'dane-unusable'
  /** A policy of the domain in mode `enforce` (RFC 8461). */
  | 'mta-sts'
  /** A policy of the domain in mode `testing`: failures are noted and do no harm. */
  | 'mta-sts-testing'
  /** The sender asked for REQUIRETLS (RFC 8689). */
  | 'requiretls'
  /** What the host itself was set up to do. */
  | 'verified'
  | 'required'
  | 'opportunistic'
  | 'none'

/** What vouches for the name of a server: TLSA records, or an issuer that is trusted. */
export type Voucher = 'dane' | 'pkix'

/** What a report tells of the policy of a domain (RFC 8460 §4.4). */
export interface ReportedPolicy {
  readonly type: 'tlsa' | 'sts' | 'no-policy-found'
  /** The TLSA records, or the lines of the MTA-STS policy. */
  readonly strings: readonly string[]
  /** Whose it is, where not that of the domain of the mail: of TLSA records the host that has them (RFC 8460 §1.1). */
  readonly domain?: string
  readonly mxHosts: readonly string[]
}

/** What a report tells where nobody published a policy. */
export const noPolicy: ReportedPolicy = { type: 'no-policy-found', strings: [], mxHosts: [] }

/** How connections to one host are secured. */
export interface HostTls {
  readonly level: TlsLevel
  readonly rule: TlsRule
  /** Holds the server to more than encryption. */
  readonly authenticate?: PeerCheck
  /** Is asked for the record only. */
  readonly observe?: PeerCheck
  /** Who vouches for a server that got through. */
  readonly voucher?: Voucher
  readonly policy: ReportedPolicy
  /** The name the server is asked for (SNI). Default: that of the host. */
  readonly serverName?: string
  /** Connections are shared between messages whose key is the same. */
  readonly key: string
}

/** Why a host must not be used, and what its policy, where it has one, says is wrong with it. */
export interface UnusableHost {
  readonly fault: Verdict
  readonly policy?: ReportedPolicy
  readonly problem?: TlsProblem
}

/** A connection that was secured, or was not, as TLS reports count them (RFC 8460 §4). */
export interface TlsResult {
  /** The domain whose policy applied. */
  readonly domain: string
  readonly policy: ReportedPolicy
  readonly host?: string
  readonly address?: string
  /** The IP address it was spoken to from, where there was a connection. */
  readonly localAddress?: string
  /** What was wrong; absent when all was as the policy wants it. */
  readonly problem?: TlsProblem
}
