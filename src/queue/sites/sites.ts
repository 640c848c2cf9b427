import { withDeadline } from '../../core/clock.js'
import { MailError } from '../../core/error.js'
import { parseOptions } from '../../core/options.js'
import type { LeaseRequest } from '../../storage/queue-storage.js'
import { type QueueContext, reportError } from '../queue-context.js'
import { siteLimitsSchema } from './options.js'
import { Site, type SiteBounds } from './site.js'

/** Destinations that are remembered; more are looked up again. */
const mostDestinations = 10_000
/** After so long the site of a destination is looked up again: its MX records may be others. */
const freshFor = 5 * 60_000
/** And after so long where it could not be told. */
const unknownFor = 30_000
const lookupDeadline = 60_000

interface Known {
  readonly site: Site
  /** When it is looked up again. */
  readonly until: number
}

/** Which site each destination belongs to, as the transport says; without its word every destination is one. */
export class Sites {
  readonly #context: QueueContext
  readonly #byName = new Map<string, Site>()
  readonly #byDestination = new Map<string, Known>()
  /** Those that a lease heeds: thousands that are at rest cost it nothing. */
  readonly #heeded = new Set<Site>()
  /** Those that no destination leads to any more. */
  readonly #left = new Set<Site>()
  readonly #ending = new AbortController()

  constructor(context: QueueContext) {
    this.#context = context
  }

  all(): Iterable<Site> {
    return this.#byName.values()
  }

  /**
   * The site of a destination; a promise while it is looked up, which never rejects. Where it cannot be told it is the
   * one that is known: a failure of DNS must not split a site into as many as it has destinations.
   */
  of(destination: string): Site | Promise<Site> {
    const known = this.#byDestination.get(destination)
    if (known && this.#now() <= known.until) return known.site
    const { transport } = this.#context.settings
    if (!transport.site) return this.#assign(destination, destination, freshFor)
    return this.#ask(destination).then(name => {
      if (name !== undefined) return this.#assign(destination, name, freshFor)
      return this.#assign(
        destination,
        this.#byDestination.get(destination)?.site.name ?? destination,
        unknownFor,
      )
    })
  }

  #assign(destination: string, name: string, validFor: number): Site {
    const site = this.#byName.get(name) ?? this.#add(name, destination)
    const before = this.#byDestination.get(destination)?.site
    if (before && before !== site) this.#leave(before, destination)
    this.#byDestination.delete(destination)
    this.#byDestination.set(destination, { site, until: this.#now() + validFor })
    site.destinations.add(destination)
    this.#forget()
    this.sweep()
    return site
  }

  #leave(site: Site, destination: string): void {
    site.destinations.delete(destination)
    if (site.destinations.size === 0) this.#left.add(site)
  }

  /** Lets go of sites that nobody goes to, once nothing would be lost with them. */
  sweep(): void {
    for (const site of this.#left) {
      if (site.destinations.size > 0) this.#left.delete(site)
      else if (site.isForgettable(this.#now())) {
        this.#left.delete(site)
        this.#byName.delete(site.name)
      }
    }
  }

  /** Has leases heed a site that is about to be used, until it is at rest again. */
  heed(site: Site): void {
    this.#heeded.add(site)
  }

  /** What a lease may take of one destination, and of those of one site together. */
  terms(): Required<Pick<LeaseRequest, 'perDestination' | 'groups'>> {
    const now = this.#now()
    const usual = this.#context.settings.concurrency.start * 2
    let perDestination = usual
    const groups = []
    for (const site of this.#heeded) {
      if (site.isAtRest(now, usual)) {
        this.#heeded.delete(site)
        continue
      }
      const most = site.room(now)
      site.wantsMore ||= most === 0
      perDestination = Math.max(perDestination, most)
      groups.push({ destinations: site.destinations, most })
    }
    return { perDestination, groups }
  }

  /** Nothing more is due within the terms. */
  exhausted(): void {
    const now = this.#now()
    for (const site of this.#heeded) if (site.room(now) > 0) site.wantsMore = false
  }

  /** When the rates allow more for the sites that are held up. */
  nextAt(): number[] {
    return [...this.#heeded]
      .filter(({ wantsMore, ready }) => wantsMore || ready.length > 0)
      .map(({ nextAt }) => nextAt)
  }

  /** The name of a destination's site, as far as it can be told; nothing is kept of it. Never rejects. */
  async nameOf(destination: string): Promise<string> {
    const known = this.#byDestination.get(destination)
    if (known) return known.site.name
    const asked = this.#context.settings.transport.site && (await this.#ask(destination))
    return asked ?? destination
  }

  /** Ends lookups under way. */
  close(): void {
    this.#ending.abort()
  }

  /** Its name, or `undefined` where it cannot be told now. */
  async #ask(destination: string): Promise<string | undefined> {
    const { clock, transport } = this.#context.settings
    try {
      const asked = Promise.resolve(transport.site?.(destination, this.#ending.signal))
      const name: unknown = await withDeadline(clock, lookupDeadline, `the site of ${destination}`, asked)
      return typeof name === 'string' && name !== '' ? name : destination
    } catch (thrown) {
      // The attempt meets the same failure of DNS, and tells of it.
      const told = thrown instanceof MailError && thrown.code === 'LOOKUP_FAILED'
      if (!told && !this.#ending.signal.aborted) reportError(this.#context, 'looking up a site', thrown)
      return undefined
    }
  }

  #add(name: string, destination: string): Site {
    const site = new Site(name, this.#bounds(name, destination))
    this.#byName.set(name, site)
    return site
  }

  #bounds(site: string, destination: string): SiteBounds {
    const { limits, concurrency } = this.#context.settings
    const { rate, concurrency: most = concurrency.perSite } = this.#limitsOf(
      site,
      destination,
      limits.perSite,
    )
    return { most, start: Math.min(concurrency.start, most), ...(rate && { rate }) }
  }

  #limitsOf(site: string, destination: string, limits: QueueContext['settings']['limits']['perSite']) {
    if (typeof limits !== 'function') return limits ?? {}
    try {
      return parseOptions('limits.perSite', siteLimitsSchema(), limits({ site, destination }) ?? {})
    } catch (thrown) {
      reportError(this.#context, 'asking for the limits of a site', thrown)
      return {}
    }
  }

  /** Lets go of the destinations that were looked up longest ago. */
  #forget(): void {
    for (const [destination, { site }] of this.#byDestination) {
      if (this.#byDestination.size <= mostDestinations) return
      this.#byDestination.delete(destination)
      this.#leave(site, destination)
    }
  }

  #now(): number {
    return this.#context.settings.clock.monotonic()
  }
}
