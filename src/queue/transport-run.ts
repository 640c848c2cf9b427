import type { Timer } from '../core/clock.js'
import { formatDuration } from '../core/duration.js'
import { MailError } from '../core/error.js'
import type { Delivery } from '../delivery/transport.js'
import type { QueueContext } from './queue-context.js'

/** How long a transport may take to end after its signal. */
const afterSignal = 30_000

/** Lets what delivers work until it is done, or its time is over, or it was told to end and does not. */
export class TransportRun {
  readonly #context: QueueContext
  readonly #controller = new AbortController()
  #timer: Timer | undefined
  #giveUp: (reason: unknown) => void = () => {}

  constructor(context: QueueContext) {
    this.#context = context
  }

  /**
   * Resolves to whatever `work` answers, which is given the way to the transport: nothing is dialled once it was told to end.
   * @throws what `work` throws; MailError `TIMEOUT`, or the reason of {@link TransportRun.abort}, when it does not end.
   */
  async run(work: (dial: (delivery: Delivery) => Promise<unknown>) => Promise<unknown>): Promise<unknown> {
    const { clock, attemptTimeout, transport } = this.#context.settings
    const { signal } = this.#controller
    signal.throwIfAborted()
    this.#timer = clock.schedule(attemptTimeout, () => this.abort(overdue(attemptTimeout)))
    const givenUp = new Promise<never>((_, reject) => {
      this.#giveUp = reject
    })
    const dial = async (delivery: Delivery) => {
      signal.throwIfAborted()
      return transport.deliver(delivery, signal)
    }
    try {
      return await Promise.race([work(dial), givenUp])
    } finally {
      this.#timer.cancel()
      this.#timer = undefined
    }
  }

  /** Tells the transport to end. */
  abort(reason: unknown): void {
    const { signal } = this.#controller
    if (signal.aborted) return
    this.#controller.abort(reason)
    if (!this.#timer) return
    this.#timer.cancel()
    this.#timer = this.#context.settings.clock.schedule(afterSignal, () => this.#giveUp(reason))
  }
}

function overdue(limit: number): MailError {
  return new MailError('TIMEOUT', `the attempt took longer than ${formatDuration(limit)}`, {
    temporary: true,
  })
}
