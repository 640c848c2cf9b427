import type { Storage } from '../../storage/storage.js'
import type { StsCache } from './sts-cache.js'

/** Where policies are among the records of a storage. */
const stsSpace = 'mta-sts'

/**
 * Keeps MTA-STS policies in a storage until they run out, so that they outlive the process and all processes on the storage
 * share them. What the queue takes where it is told of no other.
 */
export function storedStsCache({ storage }: { storage: Storage }): StsCache {
  return {
    async get(domain) {
      const kept = await storage.records.get(stsSpace, domain)
      return kept && JSON.parse(kept.value)
    },
    set(domain, entry) {
      const expiresAt = entry.fetchedAt + entry.policy.maxAge * 1000
      return storage.records.put({ space: stsSpace, key: domain, value: JSON.stringify(entry), expiresAt })
    },
  }
}
