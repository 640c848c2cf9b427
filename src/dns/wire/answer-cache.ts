import type { Clock } from '../../core/clock.js'
import type { DnsAnswer } from '../resolver.js'
import type { DnsCacheLimits } from './options.js'

interface Entry {
  readonly answer: DnsAnswer<unknown>
  /** On the monotonic clock, which no one sets. */
  readonly expires: number
}

/** Answers kept for as long as they may be, the least recently asked for leaving first. */
export class AnswerCache {
  readonly #entries = new Map<string, Entry>()
  readonly #limits: DnsCacheLimits
  readonly #clock: Clock

  constructor(limits: DnsCacheLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** The answer kept for a question, with the TTL that is left of it. */
  get(question: string): DnsAnswer<unknown> | undefined {
    const entry = this.#entries.get(question)
    if (!entry) return undefined
    this.#entries.delete(question)
    const left = entry.expires - this.#clock.monotonic()
    if (left <= 0) return undefined
    this.#entries.set(question, entry)
    const { answer } = entry
    return answer.status === 'temporary-failure' ? answer : { ...answer, ttl: Math.floor(left / 1000) }
  }

  /** Keeps an answer and returns it with the TTL it is kept for. */
  keep(question: string, answer: DnsAnswer<unknown>): DnsAnswer<unknown> {
    const lifetime = this.#lifetime(answer)
    if (lifetime > 0) {
      this.#entries.delete(question)
      this.#entries.set(question, { answer, expires: this.#clock.monotonic() + lifetime })
      this.#makeRoom()
    }
    return answer.status === 'temporary-failure' ? answer : { ...answer, ttl: Math.floor(lifetime / 1000) }
  }

  #lifetime(answer: DnsAnswer<unknown>): number {
    const { minTtl, maxTtl, maxNegativeTtl, failureTtl } = this.#limits
    if (answer.status === 'temporary-failure') return failureTtl
    if (answer.status === 'not-found') return Math.min(answer.ttl * 1000, maxNegativeTtl)
    return Math.min(Math.max(answer.ttl * 1000, minTtl), maxTtl)
  }

  #makeRoom(): void {
    if (this.#entries.size <= this.#limits.maxEntries) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }
}
