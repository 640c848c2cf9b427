/** The functions of a test runner that a suite calls: those of `node:test`, Vitest, Jest and Mocha fit as they are. */
export interface TestFunctions {
  describe(name: string, define: () => void): unknown
  it(name: string, run: () => Promise<void>): unknown
}

/**
 * A generator of numbers from 0 to below 1 that gives the same ones for the same seed (mulberry32), so that a random
 * test that fails can be run again.
 */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
