import type { Clock, Timer } from '../../core/clock.js'
import type { StorageChange } from '../storage.js'

type Listener = (change: StorageChange) => void

/** Tells listeners of commits in commit order, and looks for those of other processes while anybody listens. */
export class ChangeFeed {
  readonly #clock: Clock
  readonly #interval: number
  readonly #look: () => readonly StorageChange[]
  readonly #listeners = new Set<{ readonly tell: Listener }>()
  readonly #waiting: StorageChange[] = []
  #telling = false
  #timer: Timer | undefined

  /** @param look - gives what others changed since it was called before. */
  constructor(clock: Clock, interval: number, look: () => readonly StorageChange[]) {
    this.#clock = clock
    this.#interval = interval
    this.#look = look
  }

  subscribe(tell: Listener): () => void {
    const listener = { tell }
    this.#listeners.add(listener)
    this.#arm()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#disarm()
    }
  }

  publish(changes: readonly StorageChange[]): void {
    if (this.#listeners.size === 0) return
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
      this.publish(this.#look())
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
