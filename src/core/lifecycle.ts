import type { Clock, Timer } from './clock.js'
import type { Duration } from './duration.js'

/** How {@link Closable.close} treats what is still under way. */
export interface CloseOptions {
  /** How long sessions and attempts under way may take to end by themselves; then they are cut. Default: the part's `closeTimeout`. */
  grace?: Duration
}

/** A part that holds something open: sockets, timers, files. */
export interface Closable extends AsyncDisposable {
  /**
   * Ends the part. Takes nothing new, lets what is under way end within the grace period, then cuts it.
   * Always resolves, and a second call resolves with the first.
   */
  close(options?: CloseOptions): Promise<void>
}

/**
 * Waits until `isEmpty()` holds after a `changed` signal, or `grace` milliseconds passed on `clock`.
 * Resolves to whether it became empty.
 */
export function waitUntilEmpty(clock: Clock, grace: number, drain: Drain): Promise<boolean> {
  if (drain.isEmpty()) return Promise.resolve(true)
  return new Promise(resolve => {
    let timer: Timer | undefined
    const stop = drain.onChange(() => {
      if (!drain.isEmpty()) return
      timer?.cancel()
      stop()
      resolve(true)
    })
    timer = clock.schedule(grace, () => {
      stop()
      resolve(false)
    })
  })
}

/** Waits for work, which must not reject, for `grace` milliseconds on `clock`. Resolves to whether it ended. */
export function endsWithin(clock: Clock, grace: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise(resolve => {
    const timer = clock.schedule(grace, () => resolve(false))
    void work.then(() => {
      timer.cancel()
      resolve(true)
    })
  })
}

/** Something that empties: sessions of a server, attempts of a queue. */
export interface Drain {
  isEmpty(): boolean
  /** Calls `listener` at each change, until the returned function is called. */
  onChange(listener: () => void): () => void
}

/** A set whose members can be waited for. */
export class DrainSet<T> implements Drain {
  readonly #members = new Set<T>()
  readonly #listeners = new Set<() => void>()

  get size(): number {
    return this.#members.size
  }

  add(member: T): void {
    this.#members.add(member)
  }

  delete(member: T): void {
    if (this.#members.delete(member)) for (const listener of this.#listeners) listener()
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#members.values()
  }

  isEmpty(): boolean {
    return this.#members.size === 0
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
