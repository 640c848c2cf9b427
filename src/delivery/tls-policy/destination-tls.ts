import { literalAddress } from '../../core/domain.js'
import type { Resolver } from '../../dns/resolver.js'
import { localVerdict, type Verdict } from '../verdict.js'
import { daneCheck, usableTlsa } from './dane.js'
import type { HostTls, ReportedPolicy, TlsRule } from './host-tls.js'
import { isStsHost, type StsPolicy, stsPolicyLines } from './sts-policy.js'
import { checkPkix, tlsProblem } from './tls-problem.js'

/** What {@link DestinationTls} decides by. */
export interface DestinationTlsOptions {
  readonly resolver: Resolver
  readonly now: () => number
  readonly port: number
  readonly signal: AbortSignal
  /** Whether TLSA records are heeded. */
  readonly dane: boolean
  readonly destination: string
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
  async forHost(host: TlsHost): Promise<HostTls | Verdict> {
    const { level, requireTls } = this.#options
    if (level === 'none' && !requireTls) return plain('none', 'none')
    const unknown = requireTls ? this.#unproven(host.name) : undefined
    if (unknown) return unknown
    const asked = (await this.#byDane(host)) ?? this.#bySts(host.name)
    return asked && (requireTls || !(await this.#options.waives())) ? asked : this.#byLevel()
  }

  /** RFC 8689 §4.2.1: whoever could forge the MX record would get the message. */
  #unproven(host: string): Verdict | undefined {
    const { secure, sts, destination } = this.#options
    if (secure || (sts && sts.mode !== 'none' && isStsHost(sts, host))) return undefined
    const reason = `REQUIRETLS needs the MX of ${destination} to be vouched for by DNSSEC or MTA-STS`
    return localVerdict('failed', 'host', '5.7.10', reason)
  }

  /** RFC 7672 §2.2: only where MX, addresses and TLSA records are all validated. */
  async #byDane({ name, secure }: TlsHost): Promise<HostTls | Verdict | undefined> {
    const { resolver, port, signal, dane, destination, now } = this.#options
    if (!dane || !this.#options.secure || !secure || literalAddress(name) !== undefined) return undefined
    const answer = await resolver.tlsa(`_${port}._tcp.${name}`, { signal })
    if (answer.status === 'temporary-failure') {
      // RFC 7672 §2.1.2: without this an attacker would only have to break the lookup.
      const reason = `looking up the TLSA records of ${name} failed: ${answer.detail}`
      return localVerdict('deferred', 'host', '4.7.5', reason)
    }
    if (answer.status === 'not-found' || !answer.secure) return undefined
    const strings = answer.records.map(
      record =>
        `${record.usage} ${record.selector} ${record.matchingType} ${Buffer.from(record.data).toString('hex')}`,
    )
    const policy = { type: 'tlsa', strings, mxHosts: [name] } as const
    const records = usableTlsa(answer.records)
    if (records.length === 0) return this.#unusable(policy)
    const names = [...new Set([name, destination])]
    return {
      level: 'required',
      rule: 'dane',
      authenticate: daneCheck({ records, names, now }),
      voucher: 'dane',
      policy,
      key: `dane ${names.join()} ${strings.join()}`,
    }
  }

  /** Encryption by whatever certificate, unless somebody else asked for more. */
  #unusable(policy: ReportedPolicy): HostTls {
    if (this.#wantsPkix()) return { ...this.#byLevel(), policy }
    const observe = () => tlsProblem('tlsa-invalid', 'none of the TLSA records can be used')
    return { ...plain('required', 'dane-unusable', policy), observe }
  }

  #bySts(host: string): HostTls | Verdict | undefined {
    const { sts, destination } = this.#options
    if (!sts || sts.mode === 'none') return undefined
    const policy = { type: 'sts', strings: stsPolicyLines(sts), mxHosts: sts.mx } as const
    const listed = isStsHost(sts, host)
    if (sts.mode === 'enforce') {
      if (listed) return { ...verified('mta-sts'), policy }
      const reason = `the MTA-STS policy of ${destination} does not list ${host}`
      return localVerdict('deferred', 'host', '4.7.5', reason)
    }
    if (this.#wantsPkix()) return { ...this.#byLevel(), policy }
    const { level } = this.#options
    const observe = listed
      ? checkPkix
      : () => tlsProblem('certificate-host-mismatch', `the policy does not list ${host}`)
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

const noPolicy: ReportedPolicy = { type: 'no-policy-found', strings: [], mxHosts: [] }

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
