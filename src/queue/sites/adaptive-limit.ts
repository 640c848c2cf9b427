/** What an attempt tells of its site: it took or answered for mail, asked for less at once, did not answer, or neither. */
export type Feedback = 'success' | 'slow-down' | 'failure' | 'neutral'

/** Between which numbers a limit moves. */
export interface LimitBounds {
  /** Where it begins, and begins again after the site was put aside. */
  readonly start: number
  readonly most: number
}

const firstSuspension = 60_000
const longestSuspension = 15 * 60_000
/** So many failures in a row are no accident. */
const fewestFailures = 3

/**
 * How much goes to a site at once. It grows by one when as many attempts as it allows have succeeded, and halves when
 * one fails or the site asks for less, once for all that were under way then. When as many failed in a row as were allowed at once, as Postfix
 * counts its cohorts, the site is put aside for a minute, then for twice as long each time, up to a quarter of an hour;
 * after that one attempt at a time probes it, until one succeeds.
 */
export class AdaptiveLimit {
  readonly #bounds: LimitBounds
  #limit: number
  #progress = 0
  #failures = 0
  #enough = fewestFailures
  #shrunkAt = Number.NEGATIVE_INFINITY
  #suspension = 0
  #until = Number.NEGATIVE_INFINITY

  constructor(bounds: LimitBounds) {
    this.#bounds = bounds
    this.#limit = bounds.start
  }

  get limit(): number {
    return this.#limit
  }

  /** What it never exceeds. */
  get most(): number {
    return this.#bounds.most
  }

  /** Until when the site is put aside, on the clock that {@link AdaptiveLimit.learn} is given. */
  get suspendedUntil(): number {
    return this.#until
  }

  /** Whether it was put aside and has not succeeded since. */
  get failing(): boolean {
    return this.#suspension > 0
  }

  /** Learns from an attempt that began at `startedAt` and ended `now`. Answers whether the site is put aside by it, or back. */
  learn(feedback: Feedback, startedAt: number, now: number): 'suspended' | 'resumed' | undefined {
    if (feedback === 'success') return this.#succeed()
    if (feedback === 'slow-down') return this.#slowDown(startedAt, now)
    return feedback === 'failure' ? this.#fail(startedAt, now) : undefined
  }

  /** It answered: it is put aside no longer. */
  #resume(): boolean {
    this.#failures = 0
    if (!this.failing) return false
    this.#suspension = 0
    this.#until = Number.NEGATIVE_INFINITY
    this.#limit = this.#bounds.start
    return true
  }

  #slowDown(startedAt: number, now: number): 'resumed' | undefined {
    const resumed = this.#resume()
    this.#shrink(startedAt, now)
    return resumed ? 'resumed' : undefined
  }

  /** Once for all that were under way. */
  #shrink(startedAt: number, now: number): void {
    this.#progress = 0
    if (startedAt < this.#shrunkAt) return
    this.#limit = Math.max(1, this.#limit >> 1)
    this.#shrunkAt = now
  }

  #succeed(): 'resumed' | undefined {
    if (this.#resume()) return 'resumed'
    if (++this.#progress < this.#limit || this.#limit >= this.#bounds.most) return undefined
    this.#progress = 0
    this.#limit++
    return undefined
  }

  #fail(startedAt: number, now: number): 'suspended' | undefined {
    // Begun before it was put aside: the site is judged already.
    if (this.failing && startedAt < this.#until) return undefined
    if (this.#failures++ === 0) this.#enough = Math.max(fewestFailures, this.#limit)
    this.#shrink(startedAt, now)
    if (this.#failures < this.#enough && !this.failing) return undefined
    this.#suspension = Math.min(this.#suspension * 2 || firstSuspension, longestSuspension)
    this.#until = now + this.#suspension
    this.#limit = 1
    return 'suspended'
  }
}
