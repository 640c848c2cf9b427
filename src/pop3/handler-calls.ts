import type { Clock, Timer } from '../core/clock.js'
import { formatDuration } from '../core/duration.js'
import { describeError, MailError, type MailErrorCode } from '../core/error.js'
import type { Logger } from '../core/logger.js'
import type { Pop3ServerEvents } from './events.js'

type Handler = Pop3ServerEvents['handler:failed']['handler']

const failureCode: Readonly<Record<Handler, MailErrorCode>> = {
  accounts: 'ACCOUNTS_FAILED',
  store: 'STORAGE_FAILED',
}

/** What is needed to call on behalf of a session. */
export interface HandlerCallOptions {
  readonly traceId: string
  readonly clock: Clock
  readonly handlerTimeout: number
  readonly logger: Logger
  readonly emit: (event: 'handler:failed', payload: Pop3ServerEvents['handler:failed']) => void
}

/** A call that was not answered yet. */
interface OpenCall {
  readonly due: number
  giveUp(): void
}

/**
 * Calls the accounts and the store for a session: within the deadline, and with an event for what goes wrong. A call
 * costs no timer: the one that runs looks which calls are overdue.
 */
export class HandlerCalls {
  readonly #options: HandlerCallOptions
  /** In the order they were made, which is that of their deadlines. */
  readonly #open = new Set<OpenCall>()
  #timer: Timer | undefined

  constructor(options: HandlerCallOptions) {
    this.#options = options
  }

  /**
   * The answer of `work`.
   * @throws MailError `ACCOUNTS_FAILED` or `STORAGE_FAILED`, reported; `NO_SUCH_MESSAGE` as it is, being an answer.
   */
  async call<T>(handler: Handler, operation: string, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#withinDeadline(work())
    } catch (thrown) {
      if (thrown instanceof MailError && thrown.code === 'NO_SUCH_MESSAGE') throw thrown
      throw this.report(handler, operation, thrown)
    }
  }

  /** The session is over: no call is made any more. */
  stop(): void {
    this.#timer?.cancel()
  }

  #withinDeadline<T>(answer: Promise<T>): Promise<T> {
    const { clock, handlerTimeout } = this.#options
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(new Error(`no answer within ${formatDuration(handlerTimeout)}`))
      const call = { due: clock.monotonic() + handlerTimeout, giveUp }
      this.#open.add(call)
      this.#timer ??= clock.schedule(handlerTimeout, () => this.#look())
      const answered = () => this.#open.delete(call)
      answer.then(resolve, reject)
      answer.then(answered, answered)
    })
  }

  #look(): void {
    this.#timer = undefined
    const { clock } = this.#options
    for (const call of this.#open) {
      const rest = call.due - clock.monotonic()
      if (rest > 0) {
        this.#timer = clock.schedule(rest, () => this.#look())
        return
      }
      this.#open.delete(call)
      call.giveUp()
    }
  }

  /** Tells of a failure, and makes the error to throw for it. */
  report(handler: Handler, operation: string, thrown: unknown): MailError {
    const { traceId, logger, emit } = this.#options
    const why = describeError(thrown)
    const brokeContract = thrown instanceof MailError && thrown.code === 'DRIVER_CONTRACT'
    const error = new MailError(
      brokeContract ? 'DRIVER_CONTRACT' : failureCode[handler],
      `${handler}.${operation} failed: ${why}`,
      { temporary: !brokeContract, cause: thrown },
    )
    logger.error({ traceId, handler, operation, error: why }, error.message)
    emit('handler:failed', { traceId, handler, operation, error })
    return error
  }
}
