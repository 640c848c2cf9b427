import type { Timer } from '../../core/clock.js'
import { describeError, MailError } from '../../core/error.js'
import type { Logger } from '../../core/logger.js'
import { type HttpsContext, httpsRequest } from './https-request.js'
import type { CachedStsPolicy, StsCache } from './sts-cache.js'
import { largestPolicy, parseStsPolicy, readStsId, type StsPolicy } from './sts-policy.js'
import { type TlsProblem, tlsProblem } from './tls-problem.js'

/** What {@link StsPolicies} works with. Durations in milliseconds. */
export interface StsContext extends HttpsContext {
  readonly logger: Logger
  readonly cache: StsCache
  /** For one fetch. */
  readonly timeout: number
  /** After how long a policy in use is fetched anew, though its id is the same. */
  readonly refresh: number
  /** Hears why the policy of a domain could not be had. */
  readonly onProblem: (domain: string, problem: TlsProblem) => void
}

/** RFC 8461 §3.3: a domain whose policy could not be fetched is not asked again at once. */
const afterFailure = 5 * 60_000
/** Policies that last less than twice this may run out while nobody writes. */
const soonestRefresh = 3_600_000
/** Domains whose policies are refreshed, and whose failures are remembered. */
const mostDomains = 10_000

/**
 * The MTA-STS policies of domains (RFC 8461): found by DNS, fetched over HTTPS, kept for as long as they say, and fetched
 * anew before that ends.
 */
export class StsPolicies {
  readonly #context: StsContext
  readonly #fetches = new Map<string, Promise<StsPolicy | undefined>>()
  readonly #failures = new Map<string, number>()
  /** Domains with a policy that were written to since the start. */
  readonly #inUse = new Set<string>()
  #timer: Timer | undefined
  /** When the timer ends, on the monotonic clock. */
  #wakesAt = Number.POSITIVE_INFINITY
  #closed = false

  constructor(context: StsContext) {
    this.#context = context
  }

  /** The policy that mail to a domain is to follow now; `undefined` for none. Rejects with `ABORTED` only. */
  async find(domain: string, signal: AbortSignal): Promise<StsPolicy | undefined> {
    const [answer, kept] = await Promise.all([
      this.#context.resolver.txt(`_mta-sts.${domain}`, { signal }),
      this.#kept(domain),
    ])
    const id = answer.status === 'found' ? readStsId(answer.records) : undefined
    // RFC 8461 §3.1: a policy that is kept goes on when the record is gone or cannot be had.
    if (id === undefined || kept?.id === id) return kept ? this.#use(domain, kept) : undefined
    const fresh = await this.#fetch(domain, id)
    return fresh ?? kept?.policy
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #use(domain: string, kept: CachedStsPolicy): StsPolicy {
    this.#remember(domain, kept.policy)
    if (this.#isDue(kept)) void this.#fetch(domain, kept.id)
    return kept.policy
  }

  /** RFC 8461 §10.2: whoever blocks the fetch must not be able to wait until the policy runs out. */
  #isDue({ policy, fetchedAt }: CachedStsPolicy): boolean {
    return this.#context.clock.now() - fetchedAt >= this.#refreshAfter(policy)
  }

  /** Half of a policy's life, a day by default at most. */
  #refreshAfter({ maxAge }: StsPolicy): number {
    return Math.min(this.#context.refresh, maxAge * 500)
  }

  async #kept(domain: string): Promise<CachedStsPolicy | undefined> {
    const { cache, clock, logger } = this.#context
    try {
      const entry = await cache.get(domain)
      return entry && clock.now() < entry.fetchedAt + entry.policy.maxAge * 1000 ? entry : undefined
    } catch (error) {
      logger.warn({ domain, error: describeError(error) }, 'the cache of MTA-STS policies failed')
      return undefined
    }
  }

  /** All who ask for one domain share a fetch. */
  #fetch(domain: string, id: string): Promise<StsPolicy | undefined> {
    const under = this.#fetches.get(domain)
    if (under) return under
    const failedAt = this.#failures.get(domain)
    if (failedAt !== undefined && this.#context.clock.monotonic() - failedAt < afterFailure)
      return Promise.resolve(undefined)
    const fetch = this.#context.clock.track(this.#fetchNow(domain, id))
    this.#fetches.set(domain, fetch)
    return fetch
  }

  async #fetchNow(domain: string, id: string): Promise<StsPolicy | undefined> {
    const { clock, cache, logger, onProblem } = this.#context
    try {
      const policy = await this.#download(domain)
      this.#remember(domain, policy)
      await cache.set(domain, { policy, id, fetchedAt: clock.now() }).catch(error => {
        logger.warn({ domain, error: describeError(error) }, 'the cache of MTA-STS policies failed')
      })
      return policy
    } catch (error) {
      const problem = problemOf(error)
      logger.warn({ domain, problem: problem.reason }, 'an MTA-STS policy could not be fetched')
      if (this.#failures.size >= mostDomains) this.#failures.clear()
      this.#failures.set(domain, clock.monotonic())
      onProblem(domain, problem)
      return undefined
    } finally {
      this.#fetches.delete(domain)
    }
  }

  /** RFC 8461 §3.3: a certificate for the very name, status 200, no redirect. */
  async #download(domain: string): Promise<StsPolicy> {
    const { timeout } = this.#context
    const place = {
      host: `mta-sts.${domain}`,
      port: 443,
      path: '/.well-known/mta-sts.txt',
      method: 'GET',
    } as const
    const bounds = { verify: true, limit: largestPolicy, timeout }
    const answer = await httpsRequest({ ...place, ...bounds }, this.#context)
    if (answer.status !== 200)
      throw new MailError('PROTOCOL', `${place.host} answered ${answer.status}`, { temporary: true })
    const policy = /^text\/plain\s*(?:;|$)/i.test(answer.type) && parseStsPolicy(answer.body.toString())
    if (policy) return policy
    throw new PolicyInvalid(`${place.host} has no policy that can be read`)
  }

  #remember(domain: string, policy: StsPolicy): void {
    if (this.#inUse.size < mostDomains) this.#inUse.add(domain)
    const { clock, refresh } = this.#context
    const delay = Math.max(this.#refreshAfter(policy), Math.min(refresh, soonestRefresh))
    const at = clock.monotonic() + delay
    if (this.#closed || this.#wakesAt <= at) return
    this.#timer?.cancel()
    this.#wakesAt = at
    this.#timer = clock.schedule(delay, () => void clock.track(this.#refreshAll()))
  }

  /** Fetches what is in use anew, so that it does not run out while nobody writes. */
  async #refreshAll(): Promise<void> {
    this.#wakesAt = Number.POSITIVE_INFINITY
    const domains = [...this.#inUse]
    this.#inUse.clear()
    for (const domain of domains) {
      if (this.#closed) return
      const kept = await this.#kept(domain)
      if (!kept) continue
      this.#remember(domain, kept.policy)
      if (this.#isDue(kept)) await this.#fetch(domain, kept.id)
    }
  }
}

class PolicyInvalid extends Error {}

function problemOf(error: unknown): TlsProblem {
  const kind =
    error instanceof PolicyInvalid
      ? 'sts-policy-invalid'
      : error instanceof MailError && error.code === 'TLS_FAILED'
        ? 'sts-webpki-invalid'
        : 'sts-policy-fetch-error'
  return tlsProblem(kind, describeError(error))
}
