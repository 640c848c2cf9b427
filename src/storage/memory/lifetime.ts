import { MailError } from '../../core/error.js'

/** Whether the storage is open, for all its parts; and what is under way in it. */
export class Lifetime {
  readonly #underWay = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  /** @throws MailError `CLOSED`. */
  assertOpen(): void {
    if (this.#closing) throw new MailError('CLOSED', 'memoryStorage: used after it was closed')
  }

  /** Keeps {@link Lifetime.end} waiting for `work`. Returns `work`. */
  track<T>(work: Promise<T>): Promise<T> {
    const done = () => this.#underWay.delete(work)
    this.#underWay.add(work)
    work.then(done, done)
    return work
  }

  /** Lets nothing new begin, and resolves when what is under way has ended. */
  end(): Promise<void> {
    this.#closing ??= Promise.allSettled([...this.#underWay]).then(() => undefined)
    return this.#closing
  }
}
