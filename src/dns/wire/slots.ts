/** A bound on what runs at once. Whoever comes when all slots are taken waits, first come first served. */
export class Slots {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(count: number) {
    this.#free = count
  }

  /** Resolves when there is a slot, which is then the caller's until {@link Slots.give}. */
  take(): Promise<void> {
    if (this.#free > 0) {
      this.#free--
      return Promise.resolve()
    }
    return new Promise(resolve => this.#waiting.add(resolve))
  }

  /** Gives a slot back. */
  give(): void {
    for (const next of this.#waiting) {
      this.#waiting.delete(next)
      next()
      return
    }
    this.#free++
  }
}
