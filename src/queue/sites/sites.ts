import { withDeadline } from '../../core/clock.js'
import { parseOptions } from '../../core/options.js'
import { type QueueContext, reportError } from '../queue-context.js'
import { siteLimitsSchema } from './options.js'
import { Site, type SiteBounds } from './site.js'

/** Destinations that are remembered; more are looked up again. */
const mostDestinations = 10_000
/** After so long the site of a destination is looked up again: its MX records may be others. */
const freshFor = 5 * 60_000
const lookupDeadline = 60_000

interface Known {
  readonly site: Site
  readonly since: number
}

/** Which site each destination belongs to, as the transport says; without its word every destination is one. */
export class Sites {
  readonly #context: QueueContext
  readonly #byName = new Map<string, Site>()
  readonly #byDestination = new Map<string, Known>()
  readonly #ending = new AbortController()

  constructor(context: QueueContext) {
    this.#context = context
  }

  all(): Iterable<Site> {
    return this.#byName.values()
  }

  /** The site of a destination; a promise while it is looked up, which never rejects. */
  of(destination: string): Site | Promise<Site> {
    const known = this.#byDestination.get(destination)
    if (known && this.#now() - known.since <= freshFor) return known.site
    const { transport } = this.#context.settings
    if (!transport.site) return this.#assign(destination, destination)
    return this.#ask(destination).then(name => this.#assign(destination, name))
  }

  #assign(destination: string, name: string): Site {
    const site = this.#byName.get(name) ?? this.#add(name, destination)
    const before = this.#byDestination.get(destination)?.site
    if (before !== site) before?.destinations.delete(destination)
    this.#byDestination.delete(destination)
    this.#byDestination.set(destination, { site, since: this.#now() })
    site.destinations.add(destination)
    this.#forget()
    return site
  }

  /** Ends lookups under way. */
  close(): void {
    this.#ending.abort()
  }

  async #ask(destination: string): Promise<string> {
    const { clock, transport } = this.#context.settings
    try {
      const asked = Promise.resolve(transport.site?.(destination, this.#ending.signal))
      const name: unknown = await withDeadline(clock, lookupDeadline, `the site of ${destination}`, asked)
      return typeof name === 'string' && name !== '' ? name : destination
    } catch (thrown) {
      if (!this.#ending.signal.aborted) reportError(this.#context, 'looking up a site', thrown)
      return destination
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

  /** Lets go of the destinations that were looked up longest ago, and of sites nobody goes to. */
  #forget(): void {
    for (const [destination, { site }] of this.#byDestination) {
      if (this.#byDestination.size <= mostDestinations) return
      this.#byDestination.delete(destination)
      site.destinations.delete(destination)
      if (site.destinations.size === 0 && site.isForgettable(this.#now())) this.#byName.delete(site.name)
    }
  }

  #now(): number {
    return this.#context.settings.clock.monotonic()
  }
}
