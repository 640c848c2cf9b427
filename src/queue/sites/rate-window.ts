/** So many messages in any span of so many milliseconds. */
export interface RateLimit {
  readonly messages: number
  readonly per: number
}

/** Remembers when the last messages went, so that no span of `per` milliseconds, wherever it begins, has more than `messages`. */
export class RateWindow {
  readonly #limit: RateLimit
  /** Of the last messages, a ring once it is full; the oldest is at `#oldest`. */
  readonly #times: number[] = []
  #oldest = 0

  constructor(limit: RateLimit) {
    this.#limit = limit
  }

  /** From when on another message may go, on the clock that {@link RateWindow.note} is given. */
  get nextAt(): number {
    if (this.#times.length < this.#limit.messages) return Number.NEGATIVE_INFINITY
    return (this.#times[this.#oldest] ?? 0) + this.#limit.per
  }

  /** Notes that a message goes now. */
  note(now: number): void {
    if (this.#times.length < this.#limit.messages) {
      this.#times.push(now)
      return
    }
    this.#times[this.#oldest] = now
    this.#oldest = (this.#oldest + 1) % this.#limit.messages
  }

  /** Whether anything it remembers still counts. */
  isSpent(now: number): boolean {
    const newest = this.#times.at(this.#oldest - 1)
    return newest === undefined || newest + this.#limit.per <= now
  }
}
