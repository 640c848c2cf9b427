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

const never = Number.POSITIVE_INFINITY
const names: readonly DeadlineName[] = [
  'handshake',
  'phase',
  'auth',
  'data',
  'handler',
  'rate',
  'transaction',
  'session',
]

/**
 * The deadlines of one session on a single timer. Moving a deadline costs no timer call: the timer is left to fire
 * early, and then looks which deadlines have really passed.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #passed: (name: DeadlineName) => void
  readonly #due: Record<DeadlineName, number> = {
    handshake: never,
    phase: never,
    auth: never,
    data: never,
    handler: never,
    rate: never,
    transaction: never,
    session: never,
  }
  #timer: Timer | undefined
  #timerDue = never

  constructor(clock: Clock, passed: (name: DeadlineName) => void) {
    this.#clock = clock
    this.#passed = passed
  }

  /** Sets a deadline `delay` milliseconds from now, in the place of the one of that name. */
  set(name: DeadlineName, delay: number): void {
    const due = this.#clock.monotonic() + delay
    this.#due[name] = due
    if (due < this.#timerDue) this.#arm(due, delay)
  }

  clear(name: DeadlineName): void {
    this.#due[name] = never
  }

  /** Ends all of them. */
  stop(): void {
    for (const name of names) this.#due[name] = never
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
    this.#timerDue = never
    const now = this.#clock.monotonic()
    for (const name of names) {
      // A timer of the system may fire a little before its time.
      if (this.#due[name] > now + 1) continue
      this.#due[name] = never
      this.#passed(name)
    }
    const next = Math.min(...Object.values(this.#due))
    if (next < this.#timerDue) this.#arm(next, next - now)
  }
}
