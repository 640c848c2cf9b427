/** So many at once, and refilled over time: what providers limit senders with. */
export class TokenBucket {
  readonly #capacity: number
  /** Milliseconds until one token is back. */
  readonly #interval: number
  #tokens: number
  #at: number

  /** @param period - milliseconds in which an empty bucket fills up */
  constructor(capacity: number, period: number, now: number) {
    this.#capacity = capacity
    this.#interval = period / capacity
    this.#tokens = capacity
    this.#at = now
  }

  /** Takes a token, if there is one. */
  take(now: number): boolean {
    this.#tokens = Math.min(this.#capacity, this.#tokens + Math.max(now - this.#at, 0) / this.#interval)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
