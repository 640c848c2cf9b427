import type { Clock, Timer } from '../../core/clock.js'

/** Writes octets in order: at once, or one per interval on a clock; all of them, or only so many. */
export class PacedWriter {
  /** Milliseconds between two octets; 0 writes at once. */
  pace = 0
  readonly #clock: Clock
  readonly #send: (bytes: Buffer) => void
  #waiting: Buffer = Buffer.alloc(0)
  #timer: Timer | undefined
  #finish: (() => void) | undefined
  #left = Number.POSITIVE_INFINITY
  #cut: (() => void) | undefined

  constructor(clock: Clock, send: (bytes: Buffer) => void) {
    this.#clock = clock
    this.#send = send
  }

  write(bytes: Buffer): void {
    if (this.pace === 0 && this.#waiting.length === 0) {
      this.#pass(bytes)
      return
    }
    this.#waiting = Buffer.concat([this.#waiting, bytes])
    this.#timer ??= this.#clock.schedule(this.pace, () => this.#next())
  }

  /** Calls `action` when all is written. */
  finish(action: () => void): void {
    if (this.#waiting.length === 0) action()
    else this.#finish = action
  }

  /** Writes only `count` more octets, and then calls `action`. */
  cutAfter(count: number, action: () => void): void {
    this.#left = count
    this.#cut = action
    if (count === 0) this.#pass(Buffer.alloc(0))
  }

  /** Forgets what is not written. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#waiting = Buffer.alloc(0)
  }

  #next(): void {
    this.#timer = undefined
    this.#pass(this.#waiting.subarray(0, 1))
    this.#waiting = this.#waiting.subarray(1)
    if (this.#waiting.length > 0) this.#timer = this.#clock.schedule(this.pace, () => this.#next())
    else this.#finish?.()
  }

  #pass(bytes: Buffer): void {
    const allowed = bytes.subarray(0, this.#left)
    this.#left -= allowed.length
    if (allowed.length > 0) this.#send(allowed)
    if (this.#left > 0) return
    this.#cut?.()
    this.#cut = undefined
  }
}
