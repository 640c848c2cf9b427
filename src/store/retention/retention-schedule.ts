import type { Clock, Timer } from '../../core/clock.js'
import { describeError, MailError } from '../../core/error.js'
import type { MailEvents } from '../../core/events.js'
import type { Logger } from '../../core/logger.js'
import { newTraceId } from '../../core/trace.js'
import type { MailStorage } from '../../storage/mail-storage.js'
import type { MailStoreEvents } from '../events.js'
import type { RetentionSettings } from './options.js'
import type { RetentionResult } from './retention.js'
import { RetentionRun } from './retention-run.js'

/** How long after the start the first run comes, so that a process that lives for less than an interval has one. */
const firstDelay = 60_000

/** What retention needs of its store. */
export interface ScheduleSurroundings {
  readonly mail: MailStorage
  readonly retention: RetentionSettings
  /** Milliseconds from the end of one run to the next. */
  readonly interval: number
  readonly clock: Clock
  readonly logger: Logger
  readonly events: MailEvents<MailStoreEvents>
  /** @throws MailError `CLOSED`. */
  assertOpen(): void
}

/** Applies retention again and again, one run after the other, until it is ended. */
export class RetentionSchedule {
  readonly #around: ScheduleSurroundings
  #timer: Timer | undefined
  #last: Promise<unknown> = Promise.resolve()
  #ended = false

  constructor(around: ScheduleSurroundings) {
    this.#around = around
    this.#next(Math.min(firstDelay, around.interval))
  }

  /** A run, behind those that were asked for before. */
  apply(): Promise<RetentionResult> {
    const run = this.#last.then(() => this.#run())
    this.#last = run.catch(() => {})
    return this.#around.clock.track(run)
  }

  /** Begins no more runs, and resolves when the one under way has stopped. The store is to say that it is closed before. */
  async end(): Promise<void> {
    this.#ended = true
    this.#timer?.cancel()
    await this.#last
  }

  #next(delay: number): void {
    if (this.#ended) return
    this.#timer = this.#around.clock.schedule(delay, () => {
      const goOn = () => this.#next(this.#around.interval)
      // What it throws was told as an event.
      this.apply().then(goOn, goOn)
    })
  }

  async #run(): Promise<RetentionResult> {
    const { mail, retention, clock, events, logger, assertOpen } = this.#around
    const traceId = newTraceId()
    assertOpen()
    try {
      const result = await new RetentionRun({ mail, retention, now: clock.now(), assertOpen }).run()
      const { messages, bytes, failed } = result
      if (messages > 0) logger.info({ traceId, messages, bytes }, 'retention removed messages')
      for (const { account, error } of failed) {
        logger.warn(
          { traceId, account, error: error.message },
          'retention could not be applied to an account',
        )
      }
      events.emit('retention:applied', { traceId, ...result })
      return result
    } catch (thrown) {
      const error = asMailError(thrown)
      if (error.code !== 'CLOSED') {
        logger.warn({ traceId, error: error.message }, 'retention could not be applied')
        events.emit('retention:failed', { traceId, error })
      }
      throw error
    }
  }
}

function asMailError(thrown: unknown): MailError {
  if (thrown instanceof MailError) return thrown
  return new MailError('STORAGE_FAILED', `retention: ${describeError(thrown)}`, {
    temporary: true,
    cause: thrown,
  })
}
