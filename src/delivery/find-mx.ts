import { createHash } from 'node:crypto'
import { literalAddress, tryNormalizeDomain } from '../core/domain.js'
import { isNullMx, type MxRecord, type Resolver } from '../dns/resolver.js'
import { localVerdict, type Verdict } from './verdict.js'

/** A host that may take mail for a domain. */
export interface MailHost {
  readonly name: string
  /** Known beforehand for an address literal. */
  readonly addresses?: readonly string[]
}

/** Where mail for a domain goes. */
export interface MailHosts {
  /** With the preference of each, each named once. */
  readonly hosts: readonly (MailHost & { readonly preference: number })[]
  /** Whether the answer was validated by DNSSEC, or needed no DNS. */
  readonly secure: boolean
  /** The name that the domain is an alias of, where it is one. */
  readonly canonical?: string
  /** Seconds that the answer may be kept. */
  readonly ttl: number
}

/** What {@link findMx} needs. */
export interface FindMxOptions {
  readonly resolver: Resolver
  readonly signal: AbortSignal
}

/** Looks up the hosts for a domain or address literal, or says why there are none. */
export async function findMx(destination: string, options: FindMxOptions): Promise<MailHosts | Verdict> {
  const address = literalAddress(destination)
  if (address !== undefined) {
    return { hosts: [{ name: destination, addresses: [address], preference: 0 }], secure: true, ttl: 0 }
  }
  const answer = await options.resolver.mx(destination, { signal: options.signal })
  if (answer.status === 'temporary-failure') {
    return localVerdict(
      'deferred',
      'host',
      '4.4.3',
      `looking up the MX of ${destination} failed: ${answer.detail}`,
    )
  }
  if (answer.status === 'found') {
    if (isNullMx(answer)) {
      return localVerdict(
        'failed',
        'host',
        '5.1.10',
        `${destination} accepts no mail: it has a null MX (RFC 7505)`,
      )
    }
    const { records, secure, canonical, ttl } = answer
    return { hosts: namedHosts(records), secure, ttl, ...(canonical !== undefined && { canonical }) }
  }
  if (answer.reason === 'nxdomain') {
    return localVerdict('failed', 'host', '5.1.2', `the domain ${destination} does not exist`)
  }
  // The implicit MX of RFC 5321 §5.1.
  return { hosts: [{ name: destination, preference: 0 }], secure: answer.secure, ttl: answer.ttl }
}

function namedHosts(records: readonly MxRecord[]): MailHosts['hosts'] {
  const preferences = new Map<string, number>()
  for (const { exchange, preference } of records) {
    const name = tryNormalizeDomain(exchange)
    if (name === undefined) continue
    preferences.set(name, Math.min(preference, preferences.get(name) ?? preference))
  }
  return [...preferences].map(([name, preference]) => ({ name, preference }))
}

/** How {@link orderHosts} puts hosts in order. */
export interface HostOrder {
  /**
   * What the order among equals is drawn by: other for each message, so that load is spread, and the same whenever the
   * message is tried again, so that a host that greylisted it is asked again first.
   */
  readonly lot: string
  /** Further hosts are left out. */
  readonly maxHosts: number
}

/** Hosts in groups of one preference each, the best first; those of equal preference in the order of `lot` (RFC 5321 §5.1). */
export function orderHosts(
  hosts: MailHosts['hosts'],
  { lot, maxHosts }: HostOrder,
): readonly (readonly MailHost[])[] {
  if (hosts.length === 1) return [hosts]
  const ordered = hosts
    .map(host => ({ host, drawn: draw(lot, host.name) }))
    .sort((a, b) => a.host.preference - b.host.preference || (a.drawn < b.drawn ? -1 : 1))
    .slice(0, maxHosts)
  const groups = new Map<number, MailHost[]>()
  for (const { host } of ordered) {
    const group = groups.get(host.preference)
    if (group) group.push(host)
    else groups.set(host.preference, [host])
  }
  return [...groups.values()]
}

function draw(lot: string, name: string): string {
  return createHash('sha256').update(`${lot} ${name}`).digest('hex')
}
