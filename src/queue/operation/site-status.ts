import type { Clock } from '../../core/clock.js'
import type { AttemptRecord } from '../../storage/queue-storage.js'
import type { Site } from '../sites/site.js'

/** What goes on at one site, as far as this process takes part in it. */
export interface SiteStatus {
  /** Its name: mail exchangers, the server of a smarthost, or the destination itself. */
  readonly site: string
  /** Destinations that were seen to lead there. */
  readonly destinations: readonly string[]
  /** Attempts under way. */
  readonly active: number
  /** Attempts that are leased and wait for their turn. */
  readonly ready: number
  /** How many attempts it is given at once now: grows with success, shrinks with failures of its servers. */
  readonly concurrency: number
  /** It is put aside until then, in epoch milliseconds. */
  readonly suspendedUntil?: number
  /** The last attempt that failed for the sake of its servers. */
  readonly lastFailure?: AttemptRecord
}

/** Tells of sites, those with most under way first. */
export function describeSites(sites: Iterable<Site>, clock: Clock): SiteStatus[] {
  const [monotonic, now] = [clock.monotonic(), clock.now()]
  const told = Array.from(sites, (site): SiteStatus => {
    const { name, destinations, active, ready, limit, lastFailure } = site
    return {
      site: name,
      destinations: [...destinations],
      active,
      ready: ready.length,
      concurrency: limit.limit,
      ...(site.isSuspended(monotonic) && { suspendedUntil: now + limit.suspendedUntil - monotonic }),
      ...(lastFailure && { lastFailure }),
    }
  })
  return told.sort((a, b) => b.active + b.ready - (a.active + a.ready))
}
