import { type DnsFailure, hasAliases, type Resolver } from '../../dns/resolver.js'
import type { AttemptEnd } from '../attempt-end.js'
import { localVerdict } from '../verdict.js'
import { daneCheck, usableTlsa } from './dane.js'
import { type HostTls, noPolicy, type ReportedPolicy, type TlsRule, type UnusableHost } from './host-tls.js'
import { isStsHost, type StsPolicy, stsPolicyLines } from './sts-policy.js'
import { checkPkix, type TlsProblem, tlsProblem } from './tls-problem.js'

/** What {@link DestinationTls} decides by. */
export interface DestinationTlsOptions {
  readonly resolver: Resolver
  readonly now: () => number
  readonly port: number
  /** Has the signal that ends lookups. */
  readonly end: Pick<AttemptEnd, 'signal'>
  /** Whether TLSA records are heeded. */
  readonly dane: boolean
  readonly destination: string
  /** The name that the destination is an alias of, where it is one. */
  readonly canonical?: string
  /** Whether DNSSEC vouches for the mail exchangers. */
  readonly secure: boolean
  /** What the host itself was set up to do. */
  readonly level: 'none' | 'opportunistic' | 'required' | 'verified'
  /** The MTA-STS policy of the destination. */
  readonly sts: StsPolicy | undefined
  readonly requireTls: boolean
  /** Whether the sender does without the policies of the receiver; asked where there is one. */
  readonly waives: () => Promise<boolean>
}

/** A host, as far as TLS cares. */
export interface TlsHost {
  readonly name: string
  /** Whether DNSSEC vouches for its addresses. */
  readonly secure?: boolean
  /** The name it is an alias of, where it is one. */
  readonly canonical?: string
}

/**
 * How connections to the mail exchangers of one destination are secured: DANE before MTA-STS (RFC 8461 §2), and what
 * the operator asked for as the least.
 */
export class DestinationTls {
  readonly #options: DestinationTlsOptions

  constructor(options: DestinationTlsOptions) {
    this.#options = options
  }

  /** For one host, or why it must not be used. */
  async forHost(host: TlsHost): Promise<HostTls | UnusableHost> {
    const { level, requireTls } = this.#options
    if (level === 'none' && !requireTls) return plain('none', 'none')
    const unknown = requireTls ? this.#unproven(host.name) : undefined
    if (unknown) return unknown
    const asked = (await this.#byDane(host)) ?? this.#bySts(host.name)
    return asked && !(await this.waives()) ? asked : this.#byLevel()
  }

  /** Whether the policies of the receiver are passed over: REQUIRETLS outweighs the header (RFC 8689 §4.1). */
  async waives(): Promise<boolean> {
    return !this.#options.requireTls && (await this.#options.waives())
  }

  /**
   * RFC 8689 §4.2.1: whoever could forge the MX record would get the message, unless the certificate must be that of the
   * domain itself.
   */
  #unproven(host: string): UnusableHost | undefined {
    const { secure, sts, destination } = this.#options
    if (secure || host === destination || (sts && sts.mode !== 'none' && isStsHost(sts, host)))
      return undefined
    const reason = `REQUIRETLS needs the MX of ${destination} to be vouched for by DNSSEC or MTA-STS`
    return { fault: localVerdict('failed', 'host', '5.7.10', reason) }
  }

  /** RFC 7672 §2.2: only where MX, addresses and TLSA records are all validated. */
  async #byDane(host: TlsHost): Promise<HostTls | UnusableHost | undefined> {
    const { dane, secure } = this.#options
    if (!dane || !secure) return undefined
    const bases = await this.#tlsaBases(host)
    if ('fault' in bases) return bases
    for (const base of bases) {
      const found = await this.#tlsaAt(host.name, base)
      if (found) return found
    }
    return undefined
  }

  /**
   * The names that the TLSA records of a host may be at (RFC 7672 §2.2.2): of an alias that is validated to its end that
   * end, then the alias; of one that leads out of the signed zones the alias.
   */
  async #tlsaBases({ name, secure, canonical }: TlsHost): Promise<readonly string[] | UnusableHost> {
    if (secure) return canonical === undefined ? [name] : [canonical, name]
    const { resolver, end } = this.#options
    if (canonical === undefined || !hasAliases(resolver)) return []
    const alias = await resolver.alias(name, { signal: end.signal })
    if (alias.status === 'temporary-failure')
      return lookupFailed(`the alias ${name}`, tlsaPolicy(name, name), alias)
    return alias.status === 'found' && alias.secure ? [name] : []
  }

  async #tlsaAt(name: string, base: string): Promise<HostTls | UnusableHost | undefined> {
    const { resolver, port, end, destination, canonical = destination, now } = this.#options
    const answer = await resolver.tlsa(`_${port}._tcp.${base}`, { signal: end.signal })
    if (answer.status === 'temporary-failure')
      return lookupFailed(`the TLSA records of ${base}`, tlsaPolicy(name, base), answer)
    if (answer.status === 'not-found' || !answer.secure) return undefined
    const strings = answer.records.map(
      record =>
        `${record.usage} ${record.selector} ${record.matchingType} ${Buffer.from(record.data).toString('hex')}`,
    )
    const policy = tlsaPolicy(name, base, strings)
    const records = usableTlsa(answer.records)
    if (records.length === 0) return this.#unusable(name, policy)
    // RFC 7672 §3.2.2.
    const names = [...new Set([base, destination, canonical])]
    return {
      level: 'required',
      rule: 'dane',
      authenticate: daneCheck({ records, names, now }),
      voucher: 'dane',
      policy,
      // The server is to find the certificate by the name that the records are at (RFC 7672 §8.1).
      serverName: base,
      key: `dane ${names.join()} ${strings.join()}`,
    }
  }

  /** Encryption by whatever certificate, unless somebody else asks for more: nothing fails here that MTA-STS could override. */
  #unusable(host: string, policy: ReportedPolicy): HostTls | UnusableHost {
    const sts = this.#options.sts?.mode === 'enforce' ? this.#bySts(host) : undefined
    if (sts) return sts
    const least = this.#wantsPkix() ? this.#byLevel() : plain('required', 'dane-unusable')
    return {
      ...least,
      policy,
      observe: () => tlsProblem('tlsa-invalid', 'none of the TLSA records can be used'),
    }
  }

  #bySts(host: string): HostTls | UnusableHost | undefined {
    const { sts, destination } = this.#options
    if (!sts || sts.mode === 'none') return undefined
    const policy = { type: 'sts', strings: stsPolicyLines(sts), mxHosts: sts.mx } as const
    const listed = isStsHost(sts, host)
    if (sts.mode === 'enforce') {
      if (listed) return { ...verified('mta-sts'), policy }
      const reason = `the MTA-STS policy of ${destination} does not list ${host}`
      return { fault: localVerdict('deferred', 'host', '4.7.5', reason), policy, problem: notListed(host) }
    }
    if (this.#wantsPkix()) return { ...this.#byLevel(), policy }
    const { level } = this.#options
    const observe = listed ? checkPkix : () => notListed(host)
    const least = level === 'required' ? 'required' : 'opportunistic'
    return { ...plain(least, 'mta-sts-testing', policy), observe, key: `sts-testing ${destination}` }
  }

  #wantsPkix(): boolean {
    return this.#options.requireTls || this.#options.level === 'verified'
  }

  #byLevel(): HostTls {
    const { level, requireTls } = this.#options
    if (requireTls) return verified('requiretls')
    return level === 'verified' ? verified('verified') : plain(level, level)
  }
}

/** RFC 7672 §2.1.2: were mail sent all the same, an attacker would only have to break the lookup. */
function lookupFailed(what: string, policy: ReportedPolicy, { detail }: DnsFailure): UnusableHost {
  const reason = `looking up ${what} failed: ${detail}`
  return {
    fault: localVerdict('deferred', 'host', '4.7.5', reason),
    policy,
    // RFC 8460 §4.3.2.1: the resolver had no valid records to give.
    problem: tlsProblem('dnssec-invalid', reason),
  }
}

function tlsaPolicy(host: string, base: string, strings: readonly string[] = []): ReportedPolicy {
  return { type: 'tlsa', strings, domain: base, mxHosts: [host] }
}

function notListed(host: string): TlsProblem {
  return tlsProblem('certificate-host-mismatch', `the policy does not list ${host}`)
}

function verified(rule: TlsRule): HostTls {
  return {
    level: 'verified',
    rule,
    authenticate: checkPkix,
    voucher: 'pkix',
    policy: noPolicy,
    key: 'verified',
  }
}

function plain(level: 'none' | 'opportunistic' | 'required', rule: TlsRule, policy = noPolicy): HostTls {
  return { level, rule, policy, key: rule }
}
