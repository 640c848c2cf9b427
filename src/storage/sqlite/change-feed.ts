import type { Clock, Timer } from '../../core/clock.js'
import { ChangeListeners } from '../change-listeners.js'
import type { StorageChange } from '../storage.js'
import { changesAfter, lastChange, type NumberedChanges } from './change-rows.js'
import type { Statements } from './sqlite-database.js'

/**
 * Tells listeners of commits in commit order, those of this storage and those of other processes alike. Each change has a
 * number; a commit of this storage that does not follow what was told last has others before it, and all are read. So
 * nothing is read while nobody listens, nor while nobody else writes.
 */
export class ChangeFeed {
  readonly #clock: Clock
  readonly #interval: number
  readonly #reader: () => Statements | undefined
  readonly #listeners = new ChangeListeners()
  /** The last change that was told, or was there before anybody listened; not known before the database is open. */
  #told: number | undefined
  #timer: Timer | undefined

  /** @param reader - gives the database once it is open, and has it opened. */
  constructor(clock: Clock, interval: number, reader: () => Statements | undefined) {
    this.#clock = clock
    this.#interval = interval
    this.#reader = reader
  }

  subscribe(tell: (change: StorageChange) => void): () => void {
    if (this.#listeners.size === 0) this.#told = undefined
    const stop = this.#listeners.subscribe(tell)
    if (this.#told === undefined) this.look()
    this.#arm()
    return () => {
      stop()
      if (this.#listeners.size === 0) this.#disarm()
    }
  }

  /** A commit of this storage was made. */
  committed({ changes, last }: NumberedChanges): void {
    if (this.#listeners.size === 0 || changes.length === 0) return
    const before = last - changes.length
    if ((this.#told ?? before) === before) {
      this.#told = last
      this.#listeners.tell(changes)
    } else this.look()
  }

  /** Tells what was committed since the last look; the first one begins with what comes after it. */
  look(): void {
    if (this.#listeners.size === 0) return
    const news = this.#read()
    if (!news) return
    this.#told = news.last
    this.#listeners.tell(news.changes)
  }

  #read(): NumberedChanges | undefined {
    try {
      const reader = this.#reader()
      if (!reader) return undefined
      return this.#told === undefined
        ? { changes: [], last: lastChange(reader) }
        : changesAfter(reader, this.#told)
    } catch {
      // The next look finds what this one could not.
      return undefined
    }
  }

  clear(): void {
    this.#listeners.clear()
    this.#disarm()
  }

  #arm(): void {
    this.#timer ??= this.#clock.schedule(this.#interval, () => {
      this.#timer = undefined
      this.look()
      if (this.#listeners.size > 0) this.#arm()
    })
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
