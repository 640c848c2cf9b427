import { afterRealTime } from './real-timer.js'

/** A wait for something to happen, with an end in real time. */
export class Wait {
  over = false
  /** Resolves once the time is up or a signal ended it. */
  readonly ended: Promise<false>
  #wake: () => void = () => {}
  readonly #cancel: () => void
  readonly #signals: readonly AbortSignal[]
  #stop: () => void = () => {}
  readonly #ring = () => {
    this.wake()
    this.#stop()
  }

  constructor(timeout: number, signals: readonly AbortSignal[]) {
    this.#signals = signals
    this.ended = new Promise(resolve => {
      this.#stop = () => resolve(false)
    })
    this.#cancel = afterRealTime(timeout, () => {
      this.over = true
      this.#ring()
    })
    for (const signal of signals) signal.addEventListener('abort', this.#ring)
  }

  /** Resolves when something has happened since this call. */
  next(): Promise<void> {
    if (this.#signals.some(signal => signal.aborted)) return Promise.resolve()
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }

  wake(): void {
    this.#wake()
  }

  end(): void {
    this.#cancel()
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#ring)
  }
}
