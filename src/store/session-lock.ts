import type { Clock, Timer } from '../core/clock.js'
import { describeError } from '../core/error.js'
import type { Logger } from '../core/logger.js'
import { newTraceId } from '../core/trace.js'
import type { LockStorage } from '../storage/lock-storage.js'
import type { MailboxLock } from './mail-store.js'
import { askStorage, callStorage, shapes } from './storage-door.js'

/** What a lock needs of its store. */
export interface LockSurroundings {
  readonly locks: LockStorage
  readonly clock: Clock
  readonly logger: Logger
  /** Milliseconds. */
  readonly expiry: number
  /** Called once, when the lock is given back. */
  released(lock: SessionLock): void
}

/** The session lock of one mailbox, renewed three times within its expiry until it is released. */
export class SessionLock implements MailboxLock {
  readonly #name: string
  readonly #owner = newTraceId()
  readonly #around: LockSurroundings
  #timer: Timer | undefined
  #renewal: Promise<void> = Promise.resolve()
  #released: Promise<void> | undefined

  private constructor(name: string, around: LockSurroundings) {
    this.#name = name
    this.#around = around
  }

  /** Takes the lock `name`, or resolves to `undefined` when another holds it. */
  static async take(name: string, around: LockSurroundings): Promise<SessionLock | undefined> {
    const lock = new SessionLock(name, around)
    if (!(await lock.#acquire())) return undefined
    lock.#renewLater()
    return lock
  }

  release(): Promise<void> {
    this.#released ??= this.#giveBack()
    return this.#released
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }

  async #giveBack(): Promise<void> {
    this.#timer?.cancel()
    this.#around.released(this)
    // A renewal that arrived after the release would take the lock again.
    await this.#renewal
    await callStorage('locks.release', () => this.#around.locks.release(this.#name, this.#owner))
  }

  #acquire(): Promise<boolean> {
    const { locks, clock, expiry } = this.#around
    const now = clock.now()
    return askStorage(
      'locks.acquire',
      () => locks.acquire(this.#name, this.#owner, now, now + expiry),
      shapes.boolean,
    )
  }

  #renewLater(): void {
    const { clock, expiry } = this.#around
    this.#timer = clock.schedule(expiry / 3, () => {
      this.#renewal = clock.track(this.#renew())
    })
  }

  async #renew(): Promise<void> {
    const { logger } = this.#around
    try {
      if (!(await this.#acquire())) {
        logger.warn({ lock: this.#name }, 'a session lock ran out and was taken by another')
        return
      }
    } catch (thrown) {
      logger.warn({ lock: this.#name, error: describeError(thrown) }, 'a session lock could not be renewed')
    }
    if (!this.#released) this.#renewLater()
  }
}
