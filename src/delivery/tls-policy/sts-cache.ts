import type { StsPolicy } from './sts-policy.js'

/** A policy that was fetched. Plain data: it can be kept as JSON. */
export interface CachedStsPolicy {
  readonly policy: StsPolicy
  /** Of the `_mta-sts` record it was fetched for. */
  readonly id: string
  /** Epoch milliseconds. */
  readonly fetchedAt: number
}

/**
 * Where MTA-STS policies are kept. A policy protects against who can forge DNS only while it is remembered
 * (RFC 8461 §10.2), so it should outlive the process. What throws counts as knowing nothing.
 */
export interface StsCache {
  /** What was kept for a domain in A-labels. May be out of date: that is looked at by the caller. */
  get(domain: string): Promise<CachedStsPolicy | undefined>
  /** Keeps a policy, instead of an earlier one. */
  set(domain: string, entry: CachedStsPolicy): Promise<void>
}

const mostEntries = 10_000

/** Keeps the policies of 10,000 domains in memory; the one not asked for longest makes room. */
export function memoryStsCache(): StsCache {
  const entries = new Map<string, CachedStsPolicy>()
  const put = (domain: string, entry: CachedStsPolicy) => {
    entries.delete(domain)
    entries.set(domain, entry)
  }
  return {
    async get(domain) {
      const entry = entries.get(domain)
      if (entry) put(domain, entry)
      return entry
    },
    async set(domain, entry) {
      put(domain, entry)
      const [oldest] = entries.size > mostEntries ? entries.keys() : []
      if (oldest !== undefined) entries.delete(oldest)
    },
  }
}
