import type { StorageChange } from '../storage.js'
import { Commit } from './commit.js'

type Listener = (change: StorageChange) => void

/** Tells listeners of commits, in commit order, also when a listener commits something itself. */
export class ChangeFeed {
  readonly #listeners = new Set<{ readonly tell: Listener }>()
  readonly #waiting: StorageChange[] = []
  #telling = false

  subscribe(tell: Listener): () => void {
    const listener = { tell }
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Begins a commit, for {@link ChangeFeed.publish} once it is made. */
  begin(): Commit {
    return new Commit(this.#listeners.size > 0)
  }

  publish(commit: Commit): void {
    if (this.#listeners.size === 0) return
    this.#waiting.push(...commit.changes())
    if (this.#telling) return
    this.#telling = true
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      for (const listener of this.#listeners) tellSafely(listener.tell, next)
    }
    this.#telling = false
  }

  clear(): void {
    this.#listeners.clear()
  }
}

/** What a listener throws must not make a commit look failed to the one who made it. */
function tellSafely(tell: Listener, change: StorageChange): void {
  try {
    tell(change)
  } catch {}
}
