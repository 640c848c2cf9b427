import type { Reply } from '../core/reply.js'
import type { MessageSpool } from '../message/message-spool.js'
import { replies } from '../smtp/reply.js'
import { acceptMessage, type MessageOutcome, storageFailure } from './accept-message.js'
import { answerMessage } from './answer-message.js'
import { serverReplies } from './replies.js'
import type { Session } from './session.js'
import type { Transaction } from './transaction.js'
import type { DataSink } from './wire.js'

/** How often the rate of DATA is looked at, in milliseconds. */
const rateWindow = 60_000

/**
 * Takes the data of one message, and answers once it is stored. A message that is too large, or that cannot be
 * spooled, is read to its end all the same: the client listens for a reply only there.
 */
export class MessageReceiver implements DataSink {
  readonly #session: Session
  readonly #transaction: Transaction
  readonly #spool: MessageSpool
  readonly #release: () => void
  #size = 0
  #sizeBefore = 0
  #failure: { readonly error: unknown } | undefined

  constructor(session: Session, transaction: Transaction) {
    this.#session = session
    this.#transaction = transaction
    const { spool, release } = session.server.spoolMemory.open()
    this.#spool = spool
    this.#release = release
    const { timeouts, limits, clock } = session.server.settings
    transaction.dataAt = clock.now()
    session.receiving = true
    session.deadlines.set('data', timeouts.data)
    if (limits.dataRate === 0) return
    session.checkRate = () => this.#checkRate(limits.dataRate)
    session.deadlines.set('rate', rateWindow)
  }

  write(data: Buffer): void | Promise<void> {
    this.#size += data.length
    if (this.#tooLarge() || this.#failure) return this.#giveUp()
    const behind = this.#spool.write(data)
    if (behind) return behind.catch(error => this.#fail(error))
  }

  end(bareLineBreak: boolean): Promise<void> {
    this.#stopDeadlines()
    this.#session.beginWork()
    const { clock } = this.#session.server.settings
    return clock.track(this.#finish(bareLineBreak))
  }

  abort(): void {
    this.#stopDeadlines()
    this.#giveUp()
    this.#release()
  }

  async #finish(bareLineBreak: boolean): Promise<void> {
    const session = this.#session
    const refused = this.#refusal(bareLineBreak)
    if (refused) this.#giveUp()
    const outcome: MessageOutcome = refused
      ? { stored: false, reply: refused }
      : await acceptMessage(session, this.#transaction, this.#spool)
    this.#release()
    // Also when the client is gone: the message may be stored.
    answerMessage(session, this.#transaction, this.#size, outcome)
    if (session.ended) return
    session.reset()
    if (!session.ended) session.awaitCommand()
  }

  #refusal(bareLineBreak: boolean): Reply | undefined {
    if (this.#tooLarge()) return replies.tooLarge
    if (this.#failure) return storageFailure(this.#session, this.#failure.error)
    const rejects = this.#session.server.settings.bareLineBreaks === 'reject'
    return bareLineBreak && rejects ? serverReplies.bareLineBreaks : undefined
  }

  #tooLarge(): boolean {
    return this.#size > this.#session.server.settings.limits.messageSize
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#giveUp()
  }

  #giveUp(): void {
    void this.#spool.discard()
  }

  /** Clients that trickle would hold a session for as long as they like (slow loris). */
  #checkRate(octetsPerSecond: number): void {
    const came = this.#size - this.#sizeBefore
    this.#sizeBefore = this.#size
    const fastEnough = came * 1_000 >= octetsPerSecond * rateWindow
    if (fastEnough) this.#session.deadlines.set('rate', rateWindow)
    else this.#session.hangUp(serverReplies.tooSlow, 'timeout')
  }

  #stopDeadlines(): void {
    this.#session.receiving = false
    this.#session.checkRate = undefined
    this.#session.deadlines.clear('data')
    this.#session.deadlines.clear('rate')
  }
}
