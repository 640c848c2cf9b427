import { systemClock, type Timer } from './clock.js'
import { ManualClock } from './manual-clock.js'

/** Goes by itself: real time is added to what it was told to move, and its next timer waits on the machine's clock. */
export class RunningClock extends ManualClock {
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
