/** Time between sweeps, by the instants that pass by. */
const sweepEvery = 60_000

/**
 * When a driver of storage clears away what has expired. An instant may be from a clock that jumped or was set back since:
 * so what goes was due by the sweep before, too, and a later one is no measure.
 */
export class SweepTimes {
  /** The instant of the last sweep, or the first that passed by. */
  #last = Number.NaN

  /** That of the last sweep, or of one set back since; `NaN` before any passed by. */
  get last(): number {
    return this.#last
  }

  /** The instant by which what goes must have been due, where it is time for a sweep at `now`. */
  due(now: number): number | undefined {
    const due = Math.min(this.#last, now)
    if (now - due >= sweepEvery) return due
    this.#last = Number.isNaN(due) ? now : due
    return undefined
  }

  /** All that was due is gone. */
  swept(now: number): void {
    this.#last = now
  }
}
