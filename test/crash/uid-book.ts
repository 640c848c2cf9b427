import type { MailboxRecord } from '../../src/storage/mail-storage.js'

/** UIDs that were seen, none of which may come to mean another message, and counters of mailboxes, which only grow. */
export class UidBook {
  readonly #messages = new Map<string, string>()
  readonly #uidNext = new Map<string, number>()
  readonly #mailboxes = new Map<number, string>()

  /** A message was seen under a UID. */
  note(mailbox: string, uid: number, message: string): void {
    const key = `${mailbox} ${uid}`
    const before = this.#messages.get(key) ?? message
    if (before !== message) throw new Error(`UID ${uid} of ${before} was given to ${message}`)
    this.#messages.set(key, message)
  }

  noteMailbox({ id, account, name, uidValidity, uidNext }: MailboxRecord): void {
    const before = this.#uidNext.get(id) ?? uidNext
    if (uidNext < before) throw new Error(`UIDNEXT of ${account} ${name} went from ${before} to ${uidNext}`)
    this.#uidNext.set(id, uidNext)
    const owner = this.#mailboxes.get(uidValidity) ?? id
    if (owner !== id) throw new Error(`UIDVALIDITY ${uidValidity} was given twice, now to ${account} ${name}`)
    this.#mailboxes.set(uidValidity, id)
  }
}
