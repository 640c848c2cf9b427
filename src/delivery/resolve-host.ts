import { isIPv4, isIPv6 } from 'node:net'
import type { AddressRecord, Resolver } from '../dns/resolver.js'
import type { MailHost } from './find-mx.js'
import { isPublicAddress } from './public-address.js'
import { localVerdict, type Verdict } from './verdict.js'

/** A host with what is known of its addresses. */
export interface ResolvedHost {
  readonly name: string
  /** In the order to try them. */
  readonly addresses: readonly string[]
  /** Whether they were validated by DNSSEC. */
  readonly secure?: boolean
  /** The name it is an alias of, where it is one. */
  readonly canonical?: string
  /** Seconds that this may be kept; absent where it may not. */
  readonly ttl?: number
  /** Why there are none. */
  readonly problem?: Verdict
}

/** What {@link resolveHost} needs. */
export interface ResolveHostOptions {
  readonly resolver: Resolver
  readonly signal: AbortSignal
}

/** Looks up the addresses of a host: both families by turns, so that one that is down costs little (as RFC 8305 §4 has it). */
export async function resolveHost(host: MailHost, options: ResolveHostOptions): Promise<ResolvedHost> {
  if (host.addresses) return { name: host.name, addresses: host.addresses }
  const answer = await options.resolver.addresses(host.name, { signal: options.signal })
  if (answer.status === 'found') {
    const { records, secure, canonical, ttl } = answer
    const addresses = interleave(records)
    return { name: host.name, addresses, secure, ttl, ...(canonical !== undefined && { canonical }) }
  }
  const problem =
    answer.status === 'not-found'
      ? localVerdict('failed', 'host', '5.4.4', `${host.name} has no address`)
      : localVerdict('deferred', 'host', '4.4.3', `looking up ${host.name} failed: ${answer.detail}`)
  return { name: host.name, addresses: [], problem }
}

/** What is known of hosts, or `undefined` where one of them is not known. */
export function knownHosts(
  hosts: readonly MailHost[],
  known: ReadonlyMap<string, ResolvedHost>,
): ResolvedHost[] | undefined {
  const found = hosts.flatMap(({ name }) => known.get(name) ?? [])
  return found.length === hosts.length ? found : undefined
}

/** {@link resolveHost} for those hosts that are not known yet; they are known then. */
export async function resolveHosts(
  hosts: readonly MailHost[],
  known: Map<string, ResolvedHost>,
  options: ResolveHostOptions,
): Promise<ResolvedHost[]> {
  const found = await Promise.all(hosts.map(async host => known.get(host.name) ?? resolveHost(host, options)))
  for (const host of found) known.set(host.name, host)
  return found
}

/** Leaves out the addresses that mail is not sent to. */
export function withoutPrivate(host: ResolvedHost): ResolvedHost {
  const addresses = host.addresses.filter(isPublicAddress)
  if (addresses.length > 0 || host.problem) return { ...host, addresses }
  const reason = `${host.name} has no public address (${host.addresses.slice(0, 5).join(', ')})`
  return { ...host, addresses, problem: localVerdict('failed', 'host', '5.4.4', reason) }
}

/** Leaves one family of addresses, or those of several; `undefined` where nothing would be left. */
export function ofFamily(host: ResolvedHost, families: readonly (4 | 6)[]): ResolvedHost | undefined {
  const addresses = host.addresses.filter(address => families.includes(isIPv6(address) ? 6 : 4))
  return addresses.length > 0 || host.addresses.length === 0 ? { ...host, addresses } : undefined
}

function interleave(records: readonly AddressRecord[]): string[] {
  const six = records.filter(({ address }) => isIPv6(address))
  const four = records.filter(({ address }) => isIPv4(address))
  const turns = Math.max(six.length, four.length)
  const ordered: string[] = []
  for (let turn = 0; turn < turns; turn++) {
    for (const record of [six[turn], four[turn]]) if (record) ordered.push(record.address)
  }
  return ordered
}
