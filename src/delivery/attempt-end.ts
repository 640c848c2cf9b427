import { setMaxListeners } from 'node:events'
import type { Clock, Timer } from '../core/clock.js'
import { MailError } from '../core/error.js'
import type { SmtpWire } from './smtp-client/smtp-wire.js'

/**
 * The end of an attempt: its signal is aborted, or its time is over. To make an AbortSignal for each message, and to listen
 * to it, takes a tenth of all that sending one takes; so there is one only where somebody asks for it.
 */
export class AttemptEnd {
  readonly #given: AbortSignal
  readonly #timer: Timer | undefined
  readonly #controller = new AbortController()
  readonly #listeners = new Set<() => void>()
  readonly #reach = () => this.#reached()
  #signal: AbortSignal | undefined
  #isReached = false

  /** @param limit - milliseconds from now on `clock`. Default: no limit. */
  constructor(clock: Clock, given: AbortSignal, limit?: number) {
    this.#given = given
    this.#timer = limit === undefined ? undefined : clock.schedule(limit, this.#reach)
    if (given.aborted) this.#reached()
    else given.addEventListener('abort', this.#reach, { once: true })
  }

  get isReached(): boolean {
    return this.#isReached
  }

  /** Is aborted then, for lookups and connections. */
  get signal(): AbortSignal {
    if (!this.#signal) {
      this.#signal = this.#controller.signal
      // Lookups for all hosts of one preference listen to it at once; their number is bounded by the limits.
      setMaxListeners(0, this.#signal)
    }
    return this.#signal
  }

  /**
   * Settles as `work` does, or rejects when the end is reached first: a resolver that does not heed its signal must not keep
   * the attempt from ending.
   * @throws MailError `ABORTED`.
   */
  unlessReached<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const release = this.#onReached(() => reject(ended()))
      work.then(resolve, reject).finally(release)
    })
  }

  /** Fails a wire when the end is reached, until the returned function is called. */
  cuts(wire: SmtpWire): () => void {
    return this.#onReached(() => wire.fail(ended()))
  }

  /** The attempt has ended by itself. */
  release(): void {
    this.#timer?.cancel()
    this.#given.removeEventListener('abort', this.#reach)
  }

  #onReached(listener: () => void): () => void {
    if (this.#isReached) listener()
    else this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #reached(): void {
    this.#isReached = true
    for (const listener of this.#listeners) listener()
    this.#controller.abort(this.#given.reason)
  }
}

function ended(): MailError {
  return new MailError('ABORTED', 'the attempt was ended', { temporary: true })
}
