import {
  assertSocketsMove,
  type FakeTimers,
  haveNoTimers,
  moveFakeTimers,
  turnOfEventLoop,
} from './fake-timers.js'
import { ManualClock } from './manual-clock.js'

/** Moves the fake timers of a test along with itself, so that both tell the same time. */
export class DrivingClock extends ManualClock {
  readonly #fakes: FakeTimers

  constructor(start: number, haltAfter: number, fakes: FakeTimers) {
    super(start, haltAfter)
    this.#fakes = fakes
  }

  protected override assertReal(): void {
    assertSocketsMove(true)
  }

  protected override turn(): Promise<void> {
    // Runs what was given to a fake `setImmediate`.
    moveFakeTimers(this.#fakes, 0)
    return turnOfEventLoop()
  }

  protected override async moveTo(target: number): Promise<void> {
    await this.settled()
    for (;;) {
      const stop = Math.min(target, this.timers.peek()?.due ?? target, this.#stepEnd())
      if (stop > this.monotonic()) {
        const step = stop - this.monotonic()
        this.reach(stop)
        moveFakeTimers(this.#fakes, step)
      } else if (!this.runNext(target)) return
      await this.settled()
    }
  }

  /** When fake timers are due is theirs to know: while there are some, time goes in steps. */
  #stepEnd(): number {
    return haveNoTimers(this.#fakes) ? Number.POSITIVE_INFINITY : this.monotonic() + longestStep
  }
}

const longestStep = 60_000
