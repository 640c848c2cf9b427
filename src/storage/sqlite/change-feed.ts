import type { Clock, Timer } from '../../core/clock.js'
import type { StorageChange } from '../storage.js'
import { changesAfter, lastChange, type NumberedChanges } from './change-rows.js'
import type { Statements } from './sqlite-database.js'

type Listener = (change: StorageChange) => void

/**
 * Tells listeners of commits in commit order, those of this storage and those of other processes alike. Each change has a
 * number; a commit of this storage that does not follow what was told last has others before it, and all are read. So
 * nothing is read while nobody listens, nor while nobody else writes.
 */
export class ChangeFeed {
  readonly #clock: Clock
  readonly #interval: number
  readonly #reader: () => Statements | undefined
  readonly #listeners = new Set<{ readonly tell: Listener }>()
  readonly #waiting: StorageChange[] = []
  /** The last change that was told, or was there before anybody listened; not known before the database is open. */
  #told: number | undefined
  #telling = false
  #timer: Timer | undefined

  /** @param reader - gives the database once it is open, and has it opened. */
  constructor(clock: Clock, interval: number, reader: () => Statements | undefined) {
    this.#clock = clock
    this.#interval = interval
    this.#reader = reader
  }

  subscribe(tell: Listener): () => void {
    const listener = { tell }
    if (this.#listeners.size === 0) this.#told = undefined
    this.#listeners.add(listener)
    if (this.#told === undefined) this.look()
    this.#arm()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#disarm()
    }
  }

  /** A commit of this storage was made. */
  committed({ changes, last }: NumberedChanges): void {
    if (this.#listeners.size === 0 || changes.length === 0) return
    const before = last - changes.length
    if ((this.#told ?? before) === before) {
      this.#told = last
      this.#publish(changes)
    } else this.look()
  }

  /** Tells what was committed since the last look; the first one begins with what comes after it. */
  look(): void {
    if (this.#listeners.size === 0) return
    const news = this.#read()
    if (!news) return
    this.#told = news.last
    this.#publish(news.changes)
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

  #publish(changes: readonly StorageChange[]): void {
    this.#waiting.push(...changes)
    if (this.#telling) return
    this.#telling = true
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      for (const listener of this.#listeners) tellSafely(listener.tell, next)
    }
    this.#telling = false
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

/** What a listener throws must not make a commit look failed to the one who made it. */
function tellSafely(tell: Listener, change: StorageChange): void {
  try {
    tell(change)
  } catch {}
}
