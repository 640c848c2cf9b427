import { type Clock, withDeadline } from '../core/clock.js'
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

/** Calls the accounts and the store for a session: within the deadline, and with an event for what goes wrong. */
export class HandlerCalls {
  readonly #options: HandlerCallOptions

  constructor(options: HandlerCallOptions) {
    this.#options = options
  }

  /**
   * The answer of `work`.
   * @throws MailError `ACCOUNTS_FAILED` or `STORAGE_FAILED`, reported; `NO_SUCH_MESSAGE` as it is, being an answer.
   */
  async call<T>(handler: Handler, operation: string, work: () => Promise<T>): Promise<T> {
    const { clock, handlerTimeout } = this.#options
    try {
      return await withDeadline(
        clock,
        handlerTimeout,
        `${handler}.${operation}`,
        Promise.resolve().then(work),
      )
    } catch (thrown) {
      if (thrown instanceof MailError && thrown.code === 'NO_SUCH_MESSAGE') throw thrown
      throw this.report(handler, operation, thrown)
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
