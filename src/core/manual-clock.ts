import type { Timer } from './clock.js'
import { type Duration, toMilliseconds } from './duration.js'
import { assertSocketsMove, realTime, turnOfEventLoop } from './fake-timers.js'
import { type HeapTimer, TimerHeap } from './timer-heap.js'
import type { VirtualClock } from './virtual-clock.js'

/** Moves when it is told to, and not otherwise. */
export class ManualClock implements VirtualClock {
  #elapsed = 0
  #offset: number
  #order = 0
  #pending = 0
  /** Counts everything that happens on this clock; a standstill of it is what "at rest" means. */
  #movement = 0
  protected readonly timers = new TimerHeap()
  readonly #haltAfter: number

  constructor(start: number, haltAfter: number) {
    this.#offset = start
    this.#haltAfter = haltAfter
  }

  now(): number {
    return Math.floor(this.#offset + this.monotonic())
  }

  monotonic(): number {
    return this.#elapsed
  }

  schedule(delay: number, action: () => void): Timer {
    this.#movement++
    const due = this.monotonic() + Math.max(delay || 0, 0)
    const timer: HeapTimer = { due, order: this.#order++, action, cancelled: false }
    this.timers.add(timer)
    return {
      cancel: () => {
        this.#movement++
        this.timers.cancel(timer)
      },
    }
  }

  track<T>(work: Promise<T>): Promise<T> {
    this.#pending++
    this.#movement++
    const done = () => {
      this.#pending--
      this.#movement++
    }
    work.then(done, done)
    return work
  }

  advance(by: Duration): Promise<void> {
    return this.moveTo(this.monotonic() + toMilliseconds(by, 'advance'))
  }

  advanceTo(instant: number): Promise<void> {
    return this.moveTo(instant - this.#offset)
  }

  jump(by: number): void {
    this.#offset += by
    this.#movement++
  }

  nextTimer(): number | undefined {
    const next = this.timers.peek()
    return next && next.due + this.#offset
  }

  async settled(): Promise<void> {
    this.assertReal()
    let quiet = new Standstill()
    let seen = this.#movement
    for (let turns = 0; ; turns++) {
      await this.turn()
      if (this.#movement !== seen) {
        seen = this.#movement
        quiet = new Standstill()
        turns = 0
      }
      if (this.#pending === 0 && turns >= 3) return
      if (quiet.lastedFor(this.#haltAfter)) return
    }
  }

  /** Throws where sockets could not come to rest. */
  protected assertReal(): void {
    assertSocketsMove(false)
  }

  /** One round of everything that goes on. */
  protected turn(): Promise<void> {
    return turnOfEventLoop()
  }

  /** Up to an instant, as {@link Clock.monotonic} tells it. */
  protected async moveTo(target: number): Promise<void> {
    await this.settled()
    while (this.runNext(target)) await this.settled()
    this.reach(target)
    await this.settled()
  }

  /** Runs the next timer, if it is due by then. */
  protected runNext(by: number): boolean {
    const next = this.timers.peek()
    if (!next || next.due > by) return false
    this.reach(next.due)
    this.timers.pop()
    next.action()
    return true
  }

  /** Lets it be so late, with no timer run. */
  protected reach(instant: number): void {
    this.#elapsed = Math.max(this.#elapsed, instant)
  }
}

/**
 * How long nothing has moved: in real time, and in processor time of this process as well. On a busy machine a
 * process may stand still because it is not let run, with a handshake only half done.
 */
class Standstill {
  readonly #since = realTime()
  readonly #processor = process.cpuUsage()

  lastedFor(milliseconds: number): boolean {
    if (realTime() - this.#since <= milliseconds) return false
    const { user, system } = process.cpuUsage(this.#processor)
    return (user + system) / 1_000 > milliseconds
  }
}
