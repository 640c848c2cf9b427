import type { Clock } from '../core/clock.js'
import { type Resolver, revisionOf } from '../dns/resolver.js'
import { findMx, type MailHosts } from './find-mx.js'
import type { ResolvedHost } from './resolve-host.js'
import type { Verdict } from './verdict.js'

/** What DNS said of a destination, as far as an attempt asked. */
export interface Route {
  readonly found: MailHosts
  /** The hosts that were looked up, by name. */
  readonly hosts: Map<string, ResolvedHost>
  readonly asked: Asked
}

/** When DNS was asked. */
interface Asked {
  /** On the monotonic clock. */
  readonly at: number
  /** Of the resolver. */
  readonly revision: number
}

/** For so long answers are kept at most, in milliseconds: enough for what goes out at once. */
const longest = 1_000
const mostKept = 1_000

/** Routes that mail went by a moment ago, so that DNS is not asked for every message of a burst. */
export class RouteCache {
  readonly #clock: Clock
  readonly #resolver: Resolver
  readonly #kept = new Map<string, { readonly route: Route; readonly until: number }>()

  constructor(clock: Clock, resolver: Resolver) {
    this.#clock = clock
    this.#resolver = resolver
  }

  /** Asks DNS where mail for a destination goes, or why it goes nowhere. */
  async ask(destination: string, signal: AbortSignal): Promise<Route | Verdict> {
    const asked = this.#now()
    const found = await findMx(destination, { resolver: this.#resolver, signal })
    return 'status' in found ? found : { found, hosts: new Map(), asked }
  }

  get(destination: string): Route | undefined {
    const kept = this.#kept.get(destination)
    if (!kept) return undefined
    const { at, revision } = this.#now()
    if (at < kept.until && revision === kept.route.asked.revision) return kept.route
    this.#kept.delete(destination)
    return undefined
  }

  /** Keeps a route that mail went by. */
  keep(destination: string, route: Route): void {
    if (this.#kept.get(destination)?.route === route) return
    const { found, hosts, asked } = route
    const ttl = Math.min(found.ttl, ...[...hosts.values()].map(host => host.ttl ?? 0))
    this.#kept.delete(destination)
    this.#kept.set(destination, { route, until: asked.at + Math.min(ttl * 1_000, longest) })
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= mostKept) break
      this.#kept.delete(oldest)
    }
  }

  /** Has DNS asked again: mail did not get through. */
  forget(destination: string): void {
    this.#kept.delete(destination)
  }

  #now(): Asked {
    return { at: this.#clock.monotonic(), revision: revisionOf(this.#resolver) }
  }
}
