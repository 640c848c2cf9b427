import { formatDuration } from '../core/duration.js'
import { MailError } from '../core/error.js'
import type { PolicyPhase } from '../policy/run-policies.js'
import type { Session } from './session.js'

/** What a session asks accounts, router and storage: within its deadline, and with an event for what fails. */
export class HandlerCalls {
  readonly #session: Session
  #giveUp: () => void = () => {}

  constructor(session: Session) {
    this.#session = session
  }

  /**
   * Asks accounts, router or storage.
   * @throws what the driver throws; MailError `TIMEOUT` when it does not answer in time.
   */
  ask<T>(handler: string, question: () => Promise<T>): Promise<T> {
    const { deadlines, server } = this.#session
    const { handlerTimeout } = server.settings
    return new Promise((resolve, reject) => {
      this.#giveUp = () =>
        reject(
          new MailError('TIMEOUT', `${handler} took longer than ${formatDuration(handlerTimeout)}`, {
            temporary: true,
          }),
        )
      deadlines.set('handler', handlerTimeout)
      // One question at a time: its answer ends the deadline of no other.
      const answered = () => deadlines.clear('handler')
      question().then(
        answer => {
          answered()
          resolve(answer)
        },
        error => {
          answered()
          reject(error)
        },
      )
    })
  }

  /** The deadline has passed: the question under way is answered with a `TIMEOUT`. */
  giveUp(): void {
    this.#giveUp()
  }

  /** Tells of a handler that failed. */
  failed(handler: string, error: unknown, phase?: PolicyPhase): void {
    const session = this.#session
    const { sessionId } = session.about()
    session.server.logger.error({ sessionId, handler, error }, `${handler} failed during an SMTP session`)
    session.tell('handler:failed', () => ({
      ...session.about(),
      handler,
      error,
      ...(phase ? { phase } : {}),
    }))
  }
}
