import type { StorageChange } from './storage.js'

/**
 * The listeners of a storage, for drivers: they are told of commits in the order of {@link ChangeListeners.tell}, also when
 * one of them commits something itself.
 */
export class ChangeListeners {
  readonly #listeners = new Set<{ readonly tell: (change: StorageChange) => void }>()
  readonly #waiting: StorageChange[] = []
  #telling = false

  get size(): number {
    return this.#listeners.size
  }

  /** Adds a listener, until the returned function is called. */
  subscribe(tell: (change: StorageChange) => void): () => void {
    const listener = { tell }
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Tells of what a commit changed, once it is made. */
  tell(changes: readonly StorageChange[]): void {
    this.#waiting.push(...changes)
    if (this.#telling) return
    this.#telling = true
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      for (const listener of this.#listeners) tellSafely(listener.tell, next)
    }
    this.#telling = false
  }

  /** Lets all listeners go. */
  clear(): void {
    this.#listeners.clear()
  }
}

/** What a listener throws must not make a commit look failed to the one who made it. */
function tellSafely(tell: (change: StorageChange) => void, change: StorageChange): void {
  try {
    tell(change)
  } catch {}
}
