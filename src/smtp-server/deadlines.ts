import type { Clock, Timer } from '../core/clock.js'

/** What a deadline is about. `rate` is no deadline by itself: it asks now and then whether data comes fast enough. */
export type DeadlineName =
  | 'handshake'
  | 'phase'
  | 'auth'
  | 'data'
  | 'handler'
  | 'rate'
  | 'transaction'
  | 'session'

/**
 * The deadlines of one session on a single timer. Moving a deadline costs no timer call: the timer is left to fire
 * early, and then looks which deadlines have really passed.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #passed: (name: DeadlineName) => void
  readonly #due = new Map<DeadlineName, number>()
  #timer: Timer | undefined
  #timerDue = Number.POSITIVE_INFINITY

  constructor(clock: Clock, passed: (name: DeadlineName) => void) {
    this.#clock = clock
    this.#passed = passed
  }

  /** Sets a deadline `delay` milliseconds from now, in the place of the one of that name. */
  set(name: DeadlineName, delay: number): void {
    const due = this.#clock.monotonic() + delay
    this.#due.set(name, due)
    if (due < this.#timerDue) this.#arm(due, delay)
  }

  clear(name: DeadlineName): void {
    this.#due.delete(name)
  }

  /** Ends all of them. */
  stop(): void {
    this.#due.clear()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerDue = Number.NEGATIVE_INFINITY
  }

  #arm(due: number, delay: number): void {
    this.#timer?.cancel()
    this.#timerDue = due
    this.#timer = this.#clock.schedule(delay, () => this.#look())
  }

  #look(): void {
    this.#timer = undefined
    this.#timerDue = Number.POSITIVE_INFINITY
    const now = this.#clock.monotonic()
    for (const [name, due] of this.#due) {
      // A timer of the system may fire a little before its time.
      if (due > now + 1) continue
      this.#due.delete(name)
      this.#passed(name)
    }
    const next = Math.min(...this.#due.values())
    if (next < this.#timerDue) this.#arm(next, next - now)
  }
}
