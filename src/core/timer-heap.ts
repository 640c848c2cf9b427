/** A timer in a {@link TimerHeap}. */
export interface HeapTimer {
  /** When it is due, on the clock of its owner. */
  readonly due: number
  /** Settles which of two that are due together comes first. */
  readonly order: number
  readonly action: () => void
  cancelled: boolean
}

/** Timers by the moment they are due: a binary heap. Cancelled ones are swept out once they are the most. */
export class TimerHeap {
  #timers: HeapTimer[] = []
  #cancelled = 0

  /** Timers that will run. */
  get size(): number {
    return this.#timers.length - this.#cancelled
  }

  add(timer: HeapTimer): void {
    this.#timers.push(timer)
    this.#rise(this.#timers.length - 1)
  }

  /** Takes a timer out; nothing happens when it was taken out before or has run. */
  cancel(timer: HeapTimer): void {
    if (timer.cancelled) return
    timer.cancelled = true
    this.#cancelled++
    if (this.#cancelled > 64 && this.#cancelled * 2 > this.#timers.length) this.#sweep()
  }

  /** The next timer to run. */
  peek(): HeapTimer | undefined {
    while (this.#timers[0]?.cancelled) {
      this.#cancelled--
      this.#removeFirst()
    }
    return this.#timers[0]
  }

  /** Takes out the next timer to run. It counts as cancelled from then on. */
  pop(): HeapTimer | undefined {
    const first = this.peek()
    if (first) {
      this.#removeFirst()
      first.cancelled = true
    }
    return first
  }

  #removeFirst(): void {
    const last = this.#timers.pop()
    if (!last || this.#timers.length === 0) return
    this.#timers[0] = last
    this.#sink(0)
  }

  #sweep(): void {
    // A sorted array is a heap.
    this.#timers = this.#timers.filter(timer => !timer.cancelled).sort((a, b) => (isBefore(a, b) ? -1 : 1))
    this.#cancelled = 0
  }

  #rise(from: number): void {
    for (let index = from; index > 0; ) {
      const parent = (index - 1) >> 1
      if (!this.#swapUnlessBefore(parent, index)) return
      index = parent
    }
  }

  #sink(from: number): void {
    for (let index = from; ; ) {
      const left = index * 2 + 1
      const right = left + 1
      const child = this.#comesBefore(right, left) ? right : left
      if (!this.#swapUnlessBefore(index, child)) return
      index = child
    }
  }

  #comesBefore(one: number, other: number): boolean {
    const [a, b] = [this.#timers[one], this.#timers[other]]
    return a !== undefined && b !== undefined && isBefore(a, b)
  }

  /** Puts the timer at `below` above the one at `above` where it comes before it. */
  #swapUnlessBefore(above: number, below: number): boolean {
    const [upper, lower] = [this.#timers[above], this.#timers[below]]
    if (!upper || !lower || isBefore(upper, lower)) return false
    this.#timers[above] = lower
    this.#timers[below] = upper
    return true
  }
}

function isBefore(a: HeapTimer, b: HeapTimer): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order)
}
