import { MailError } from '../../core/error.js'

/**
 * Lets so many pieces of costly work run at once, and so many wait; more are refused, so that a flood of logins
 * cannot take all the processors or pile up.
 */
export class WorkLimit {
  readonly #running: number
  readonly #waiting: number
  #active = 0
  readonly #queue: (() => void)[] = []

  constructor(running: number, waiting: number) {
    this.#running = running
    this.#waiting = waiting
  }

  /** @throws MailError `ACCOUNTS_FAILED`, temporary, when too much waits already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter()
    try {
      return await work()
    } finally {
      const next = this.#queue.shift()
      if (next) next()
      else this.#active--
    }
  }

  #enter(): Promise<void> | undefined {
    if (this.#active < this.#running) {
      this.#active++
      return undefined
    }
    if (this.#queue.length >= this.#waiting) {
      throw new MailError('ACCOUNTS_FAILED', `more than ${this.#waiting} logins wait to be checked`, {
        temporary: true,
        // RFC 4954 §6: 454 is the temporary failure of AUTH.
        reply: { code: 454, enhanced: '4.7.0', text: 'Temporary authentication failure' },
      })
    }
    return new Promise(resolve => this.#queue.push(resolve))
  }
}
