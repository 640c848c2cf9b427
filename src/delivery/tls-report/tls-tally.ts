import { createHash } from 'node:crypto'
import type { ReportedPolicy, TlsResult } from '../tls-policy/host-tls.js'

/** Failures of one kind at one host (RFC 8460 §4.4), without their number. */
export interface FailureKind {
  readonly 'result-type': string
  readonly 'sending-mta-ip'?: string
  readonly 'receiving-mx-hostname'?: string
  readonly 'receiving-ip'?: string
  readonly 'failure-reason-code': string
}

/** What is counted: successes under a policy, or its failures of one kind; of the kinds beyond the bounds without it. */
export type Counted =
  | { readonly policy: ReportedPolicy }
  | { readonly failure: FailureKind }
  | { readonly failure: null }

/** A count of one day. */
export interface Counter {
  /** Domain and policy, and of failures their kind, with a blank between: as short as they are not for people. */
  readonly key: string
  readonly counted: Counted
  count: number
  /** Whether the storage knows of it. */
  stored: boolean
}

interface PolicyCounters {
  readonly successes: Counter
  readonly failures: Map<string, Counter>
}

/** Domains counted in one day, policies a domain, kinds of failures a policy: what is beyond is not counted, or not by kind. */
const bounds = { domains: 10_000, policies: 20, failures: 100 }

/** Counts the connections of one day by domain and policy, in bounded memory. */
export class TlsTally {
  readonly #domains = new Map<string, Map<string, PolicyCounters>>()

  add({ domain, policy, host, address, localAddress, problem }: TlsResult): void {
    const policies = entryOf(this.#domains, domain, bounds.domains, () => new Map<string, PolicyCounters>())
    const name = digest([policy.type, policy.strings, policy.domain])
    const counters =
      policies &&
      entryOf(policies, name, bounds.policies, () => ({
        successes: counter(`${domain} ${name}`, { policy }),
        failures: new Map<string, Counter>(),
      }))
    if (!counters) return
    if (!problem) {
      counters.successes.count++
      return
    }
    const { failures, successes } = counters
    const kind = digest([problem.kind, host, address, localAddress])
    const known = entryOf(failures, kind, bounds.failures, () =>
      counter(`${successes.key} ${kind}`, {
        failure: {
          'result-type': problem.kind,
          ...(localAddress !== undefined && { 'sending-mta-ip': localAddress }),
          ...(host !== undefined && { 'receiving-mx-hostname': host }),
          ...(address !== undefined && { 'receiving-ip': address }),
          'failure-reason-code': problem.reason,
        },
      }),
    )
    const others = () => counter(`${successes.key} others`, { failure: null })
    const counted = known ?? entryOf(failures, 'others', bounds.failures + 1, others)
    if (counted) counted.count++
  }

  *[Symbol.iterator](): Generator<Counter> {
    for (const policies of this.#domains.values()) {
      for (const { successes, failures } of policies.values()) {
        yield successes
        yield* failures.values()
      }
    }
  }
}

function counter(key: string, counted: Counted): Counter {
  return { key, counted, count: 0, stored: false }
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 16)
}

function entryOf<T>(entries: Map<string, T>, key: string, most: number, make: () => T): T | undefined {
  const known = entries.get(key)
  if (known || entries.size >= most) return known
  const made = make()
  entries.set(key, made)
  return made
}
