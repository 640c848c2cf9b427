import type { ReportedPolicy, TlsResult } from '../tls-policy/host-tls.js'

/** Failures of one kind at one host (RFC 8460 §4.4). */
export interface FailureDetails {
  readonly 'result-type': string
  readonly 'receiving-mx-hostname'?: string
  readonly 'receiving-ip'?: string
  'failed-session-count': number
  readonly 'failure-reason-code': string
}

/** What happened to connections under one policy. */
export interface PolicyTally {
  readonly policy: ReportedPolicy
  successes: number
  failures: number
  readonly details: Map<string, FailureDetails>
}

/** Domains counted in one day, policies a domain, kinds of failures a policy: what is beyond is not counted. */
const bounds = { domains: 10_000, policies: 10, details: 100 }

/** Counts the connections of one day by domain and policy, in bounded memory. */
export class TlsTally {
  readonly #domains = new Map<string, Map<string, PolicyTally>>()

  add({ domain, policy, host, address, problem }: TlsResult): void {
    const policies = entryOf(this.#domains, domain, bounds.domains, () => new Map<string, PolicyTally>())
    const tally =
      policies &&
      entryOf(policies, JSON.stringify([policy.type, policy.strings]), bounds.policies, () => ({
        policy,
        successes: 0,
        failures: 0,
        details: new Map<string, FailureDetails>(),
      }))
    if (!tally) return
    if (!problem) {
      tally.successes++
      return
    }
    tally.failures++
    const details = entryOf(
      tally.details,
      JSON.stringify([problem.kind, host, address]),
      bounds.details,
      () => ({
        'result-type': problem.kind,
        ...(host !== undefined && { 'receiving-mx-hostname': host }),
        ...(address !== undefined && { 'receiving-ip': address }),
        'failed-session-count': 0,
        'failure-reason-code': problem.reason,
      }),
    )
    if (details) details['failed-session-count']++
  }

  /** The policies of each domain. */
  *[Symbol.iterator](): Iterator<readonly [domain: string, policies: readonly PolicyTally[]]> {
    for (const [domain, policies] of this.#domains) yield [domain, [...policies.values()]]
  }
}

function entryOf<T>(entries: Map<string, T>, key: string, most: number, make: () => T): T | undefined {
  const known = entries.get(key)
  if (known || entries.size >= most) return known
  const made = make()
  entries.set(key, made)
  return made
}
