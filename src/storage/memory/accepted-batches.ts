import type { AcceptResult } from '../storage.js'

const hour = 3_600_000
const mostPerGeneration = 2_000

/**
 * Remembers what became of accepted batches, for an hour at least of the instants they carry, in two
 * generations: to forget is to drop the elder, whatever its size. An hour is over by two instants, as one may be from a
 * clock that jumped. Beyond two thousand batches a generation ends before
 * its hour: whoever accepts a batch again is in this process and does so soon, and each takes memory.
 */
export class AcceptedBatches {
  #younger = new Map<string, AcceptResult>()
  #elder = new Map<string, AcceptResult>()
  #since = Number.POSITIVE_INFINITY
  /** The instant of the batch before. */
  #before = Number.NEGATIVE_INFINITY

  get(id: string): AcceptResult | undefined {
    return this.#younger.get(id) ?? this.#elder.get(id)
  }

  add(id: string, result: AcceptResult, now: number): void {
    const later = Math.max(now, this.#before)
    const earlier = Math.min(now, this.#before)
    this.#before = now
    this.#since = Math.min(this.#since, later)
    if (earlier - this.#since >= hour || this.#younger.size >= mostPerGeneration) {
      this.#elder = this.#younger
      this.#younger = new Map()
      this.#since = later
    }
    this.#younger.set(id, result)
  }
}
