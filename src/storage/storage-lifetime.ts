import { isDiskFull } from '../core/disk-full.js'
import { describeError, MailError } from '../core/error.js'

/** Whether a storage is open, for all its parts, and what is under way in it; for drivers. */
export class StorageLifetime {
  readonly #driver: string
  readonly #underWay = new Set<Promise<unknown>>()
  #end: Promise<void> | undefined

  /** @param driver - what errors call the storage: `memoryStorage`. */
  constructor(driver: string) {
    this.#driver = driver
  }

  /** Whether {@link StorageLifetime.end} was called. */
  get isOver(): boolean {
    return this.#end !== undefined
  }

  /** @throws MailError `CLOSED`. */
  assertOpen(): void {
    if (this.#end) throw new MailError('CLOSED', `${this.#driver}: used after it was closed`)
  }

  /** Keeps {@link StorageLifetime.end} waiting for `work`. Returns `work`. */
  track<T>(work: Promise<T>): Promise<T> {
    const done = () => this.#underWay.delete(work)
    this.#underWay.add(work)
    work.then(done, done)
    return work
  }

  /**
   * Takes the steps of one call, which {@link StorageLifetime.end} waits for.
   * @throws MailError `CLOSED`; `STORAGE_FULL` when the steps fail because the disk is full.
   */
  async run<T>(steps: () => Promise<T>): Promise<T> {
    this.assertOpen()
    return this.track(steps()).catch(thrown => {
      throw this.#describe(thrown)
    })
  }

  #describe(thrown: unknown): unknown {
    if (!isDiskFull(thrown)) return thrown
    const message = `${this.#driver}: ${describeError(thrown)}`
    return new MailError('STORAGE_FULL', message, { temporary: true, cause: thrown })
  }

  /** Lets nothing new begin; resolves when what is under way has ended, and `last` after it. A second call resolves with the first. */
  end(last?: () => Promise<void>): Promise<void> {
    this.#end ??= this.#drain().then(last)
    return this.#end
  }

  async #drain(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled([...this.#underWay])
  }
}
