import type { Clock } from '../core/clock.js'

/** Keeps accounts from logging in again too soon (LOGIN-DELAY, RFC 2449 §6.5). */
export class LoginDelays {
  readonly #clock: Clock
  readonly #delay: number
  /** When each account logged in last, in that order; those whose delay is over are gone. */
  readonly #last = new Map<string, number>()

  constructor(clock: Clock, delay: number) {
    this.#clock = clock
    this.#delay = delay
  }

  isTooSoon(account: string): boolean {
    this.#forgetOld()
    return this.#last.has(account)
  }

  loggedIn(account: string): void {
    if (this.#delay === 0) return
    this.#last.delete(account)
    this.#last.set(account, this.#clock.monotonic())
  }

  #forgetOld(): void {
    const since = this.#clock.monotonic() - this.#delay
    for (const [account, at] of this.#last) {
      if (at > since) return
      this.#last.delete(account)
    }
  }
}
