import { z } from 'zod'
import { type Clock, systemClock, type Timer } from './clock.js'
import { type Duration, toMilliseconds } from './duration.js'
import { parseOptions } from './options.js'
import { type HeapTimer, TimerHeap } from './timer-heap.js'

/** A clock that moves when it is told to. */
export interface VirtualClock extends Clock {
  /**
   * Lets time pass: runs every timer that falls due on the way, in order, and between two of them waits
   * for the work under way (sessions, deliveries, lookups) to come to rest. Resolves when all is quiet at
   * the new time.
   */
  advance(by: Duration): Promise<void>
  /** Like {@link VirtualClock.advance}, up to an epoch millisecond. Does nothing for one in the past. */
  advanceTo(instant: number): Promise<void>
  /** Waits until the work under way has settled or come to a halt, without moving time. */
  settled(): Promise<void>
  /** Moves `now()` without running timers, as when somebody sets the clock of the machine. */
  jump(by: number): void
  /** When the next timer is due, in epoch milliseconds, or `undefined`. */
  nextTimer(): number | undefined
}

/** Options of {@link createVirtualClock}. */
export interface VirtualClockOptions {
  /** Where the clock starts, in epoch milliseconds. Default: 2026-01-01T00:00:00Z. */
  start?: number
  /**
   * Whether it also goes by itself, as the machine's clock does, from `start` on: for servers that programs talk to which
   * know nothing of this clock. It stands still while it is told to move. Default: `false`.
   */
  runs?: boolean
  /**
   * Tracked work that waits for a peer (a server that says nothing) only ends by a timer. It counts as
   * halted when nothing on the clock moved for this many real milliseconds, in which this process could run. Default: 50.
   */
  haltAfter?: number
}

const virtualClockSchema = z.strictObject({
  start: z.number().default(Date.UTC(2026, 0, 1)),
  runs: z.boolean().default(false),
  haltAfter: z.number().min(0).default(50),
})

/**
 * Creates a clock that stands still until it is told to move. Every timer, deadline and instant of the parts
 * that were given it follows; sockets stay real.
 * @throws MailError `OPTION_INVALID`.
 */
export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const { start, runs, haltAfter } = parseOptions('createVirtualClock', virtualClockSchema, options)
  return runs ? new RunningClock(start, haltAfter) : new ManualClock(start, haltAfter)
}

class ManualClock implements VirtualClock {
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
    let quiet = new Standstill()
    let seen = this.#movement
    for (let turns = 0; ; turns++) {
      await turnOfEventLoop()
      if (this.#movement !== seen) {
        seen = this.#movement
        quiet = new Standstill()
        turns = 0
      }
      if (this.#pending === 0 && turns >= 3) return
      if (quiet.lastedFor(this.#haltAfter)) return
    }
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

/** Goes by itself: real time is added to what it was told to move, and its next timer waits on the machine's clock. */
class RunningClock extends ManualClock {
  /** When it went on by itself, on the machine's clock; `undefined` while it is told to move. */
  #runningSince: number | undefined = systemClock.monotonic()
  #moves = 0
  #alarm: Timer | undefined
  #alarmDue = Number.POSITIVE_INFINITY

  override monotonic(): number {
    return super.monotonic() + this.#ran()
  }

  override schedule(delay: number, action: () => void): Timer {
    const timer = super.schedule(delay, action)
    if (!(this.monotonic() + delay >= this.#alarmDue)) this.#setAlarm()
    const cancel = () => {
      timer.cancel()
      if (!this.timers.peek()) this.#setAlarm()
    }
    return { cancel }
  }

  protected override async moveTo(target: number): Promise<void> {
    this.#stop()
    this.#moves++
    try {
      await super.moveTo(target)
    } finally {
      if (--this.#moves === 0) this.#go()
    }
  }

  #ran(): number {
    return this.#runningSince === undefined ? 0 : systemClock.monotonic() - this.#runningSince
  }

  #stop(): void {
    const now = this.monotonic()
    this.#runningSince = undefined
    this.reach(now)
    this.#setAlarm()
  }

  #go(): void {
    this.#runningSince = systemClock.monotonic()
    this.#setAlarm()
  }

  #setAlarm(): void {
    this.#alarm?.cancel()
    this.#alarm = undefined
    this.#alarmDue = Number.POSITIVE_INFINITY
    const next = this.timers.peek()
    if (!next || this.#runningSince === undefined) return
    this.#alarmDue = next.due
    this.#alarm = systemClock.schedule(next.due - this.monotonic(), () => this.#ring())
  }

  #ring(): void {
    this.#stop()
    while (this.runNext(super.monotonic())) {}
    if (this.#moves === 0) this.#go()
  }
}

/**
 * How long nothing has moved: in real time, and in processor time of this process as well. On a busy machine a
 * process may stand still because it is not let run, with a handshake only half done.
 */
class Standstill {
  readonly #since = performance.now()
  readonly #processor = process.cpuUsage()

  lastedFor(milliseconds: number): boolean {
    if (performance.now() - this.#since <= milliseconds) return false
    const { user, system } = process.cpuUsage(this.#processor)
    return (user + system) / 1_000 > milliseconds
  }
}

/** One round through timers, input and output of the real event loop. */
function turnOfEventLoop(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
