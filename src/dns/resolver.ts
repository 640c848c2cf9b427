/**
 * The contract of DNS. A resolver tells three ends of a question apart, because mail does: an answer, a
 * name that does not exist, and a failure that says nothing about the name (RFC 5321 §5.1).
 * `mx` of a domain without MX records is `not-found`: falling back to addresses is the caller's part.
 * Names are taken in any case, as U-labels too, with or without the trailing dot; aliases (CNAME) are followed.
 * What DNS cannot hold, such as an address literal or an empty label, does not exist: `not-found`.
 * A lookup rejects for two reasons only: MailError `ABORTED`, and `CLOSED` after {@link Resolver.close}.
 */
export interface Resolver {
  /** Mail exchangers, unsorted. A null MX (RFC 7505) is one record with an empty exchange. */
  mx(domain: string, options?: LookupOptions): Promise<DnsAnswer<MxRecord>>
  /** IPv6 and IPv4 addresses of a host. One family missing is no failure; one family failing is, unless the other answered. */
  addresses(host: string, options?: AddressLookupOptions): Promise<DnsAnswer<AddressRecord>>
  /** Text records, the strings of each joined (RFC 7208 §3.3). */
  txt(name: string, options?: LookupOptions): Promise<DnsAnswer<string>>
  /** TLSA records (RFC 6698), asked at the full name `_25._tcp.mx.example.test`. */
  tlsa(name: string, options?: LookupOptions): Promise<DnsAnswer<TlsaRecord>>
  /** Names of an IP address. */
  ptr(address: string, options?: LookupOptions): Promise<DnsAnswer<string>>
  /** Ends sockets and timers. A resolver without any resolves at once. */
  close(): Promise<void>
}

/** Optional power: resolvers that can tell of an alias itself, and not only where it leads. */
export interface AliasResolver extends Resolver {
  /**
   * The name that another is an alias of (CNAME), one step and no further: one record, or `not-found` where the name is
   * no alias. `secure` is about that step alone.
   */
  alias(name: string, options?: LookupOptions): Promise<DnsAnswer<string>>
}

/** Whether a resolver has the power of {@link AliasResolver}. */
export function hasAliases(resolver: Resolver): resolver is AliasResolver {
  return typeof (resolver as Partial<AliasResolver>).alias === 'function'
}

/** Optional power: resolvers whose records may be changed in this process, and that tell whether they were. */
export interface RevisedResolver extends Resolver {
  /** Another number after each change: what was kept of answers from before is asked for again. */
  readonly revision: number
}

/** The {@link RevisedResolver.revision} of a resolver; of one without that power always the same. */
export function revisionOf(resolver: Resolver): number {
  return (resolver as Partial<RevisedResolver>).revision ?? 0
}

/** Options of every lookup. */
export interface LookupOptions {
  /** Ends the lookup; it rejects with MailError `ABORTED`. */
  signal?: AbortSignal
}

/** Options of {@link Resolver.addresses}. */
export interface AddressLookupOptions extends LookupOptions {
  /** Asks for one family only. */
  family?: 4 | 6
}

/** How a question ended. */
export type DnsAnswer<Record> = DnsFound<Record> | DnsNotFound | DnsFailure

/** There are records. */
export interface DnsFound<Record> {
  readonly status: 'found'
  /** At least one. */
  readonly records: readonly Record[]
  /** Seconds the answer may be kept, the least of all its records. */
  readonly ttl: number
  /** Whether the answer, aliases included, was validated by DNSSEC, as far as a trusted validating server says so. */
  readonly secure: boolean
  /** The name that has the records, where the one asked for is an alias of it, as far as the resolver knows. */
  readonly canonical?: string
}

/** The name, or its records of that type, do not exist. */
export interface DnsNotFound {
  readonly status: 'not-found'
  /** `nxdomain`: no such name. `nodata`: the name exists without such records. */
  readonly reason: 'nxdomain' | 'nodata'
  /** Seconds the absence may be kept (RFC 2308). */
  readonly ttl: number
  readonly secure: boolean
}

/** Nothing is known; asking later may help. */
export interface DnsFailure {
  readonly status: 'temporary-failure'
  readonly reason: 'servfail' | 'refused' | 'timeout' | 'unreachable' | 'malformed' | 'loop'
  /** For the operator: server asked and what it said. */
  readonly detail: string
}

/** A mail exchanger. */
export interface MxRecord {
  /** 0 to 65535, lower is tried first. */
  readonly preference: number
  /** Host name in A-labels, lower case, no trailing dot; `''` in a null MX. */
  readonly exchange: string
}

/** An address of a host. */
export interface AddressRecord {
  readonly address: string
  readonly family: 4 | 6
}

/** A TLSA record (RFC 6698 §2). */
export interface TlsaRecord {
  readonly usage: number
  readonly selector: number
  readonly matchingType: number
  readonly data: Uint8Array
}

/** Whether an MX answer says that the domain takes no mail (RFC 7505 §3). */
export function isNullMx(answer: DnsAnswer<MxRecord>): boolean {
  return answer.status === 'found' && answer.records.length === 1 && answer.records[0]?.exchange === ''
}
