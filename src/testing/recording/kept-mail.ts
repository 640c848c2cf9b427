import { MailError } from '../../core/error.js'
import type { MailStorage, StoredCopy } from '../../storage/mail-storage.js'
import type { Arrival } from './arrival.js'
import type { MailLog } from './mail-log.js'

/** What arrived and is kept, with its copies in mailboxes, which go with it. */
export class KeptMail {
  readonly #log: MailLog
  readonly #mail: Pick<MailStorage, 'expunge'>
  readonly #most: number
  readonly #copies = new WeakMap<Arrival, readonly StoredCopy[]>()

  /** @param most - how many are kept: for one more the oldest is forgotten */
  constructor(log: MailLog, mail: Pick<MailStorage, 'expunge'>, most: number) {
    this.#log = log
    this.#mail = mail
    this.#most = most
  }

  /** Keeps an arrival and tells of it. Resolves once those that it is one too many for are forgotten. */
  async add(arrival: Omit<Arrival, 'number'>, copies: readonly StoredCopy[]): Promise<void> {
    this.#copies.set(this.#log.add(arrival), copies)
    const kept = this.#log.after()
    const tooMany = kept.slice(0, Math.max(kept.length - this.#most, 0))
    await Promise.all(tooMany.map(({ number }) => this.forget(number)))
  }

  /** Forgets the arrival of this number, if it is kept. */
  async forget(number: number): Promise<void> {
    const arrival = this.#log.remove(number)
    const copies = arrival ? (this.#copies.get(arrival) ?? []) : []
    await Promise.all(copies.map(copy => this.#expunge(copy)))
  }

  async #expunge({ mailboxId, uid }: StoredCopy): Promise<void> {
    try {
      await this.#mail.expunge(mailboxId, [uid])
    } catch (error) {
      if (!(error instanceof MailError) || error.code !== 'NO_SUCH_MAILBOX') throw error
    }
  }
}
