/** Draws numbers that are the same for the same seed, so that a random test that fails can be run again. */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** True with a probability. */
  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** Some of the items, each with a probability, in their order. */
  some<T>(items: Iterable<T>, probability: number): T[] {
    return [...items].filter(() => this.chance(probability))
  }
}
