import type { MessageSource } from '../message/message-source.js'
import type { MessageOutline } from '../storage/mail-storage.js'
import type { Mailbox, MailboxLock } from '../store/mail-store.js'

/** A message of a maildrop. */
export interface DropMessage {
  /** From 1, as the client names it. */
  readonly number: number
  readonly outline: MessageOutline
}

/**
 * The mailbox as one session sees it (RFC 1939 §4): the messages that were there at login, under numbers that do not
 * change, and which of them are marked as deleted. Mail that comes or goes meanwhile changes nothing here.
 *
 * Sizes are octets as stored. A message whose lines end in CRLF, as all mail that came by SMTP, is sent in exactly
 * as many (RFC 1939 §11 counts without byte-stuffing); one with bare LFs in one more for each (`dot-stuffing.ts`).
 */
export class Maildrop {
  readonly account: string
  readonly #mailbox: Mailbox
  readonly #lock: MailboxLock
  readonly #uidValidity: number
  readonly #messages: readonly MessageOutline[]
  /** Indexes of marked messages. */
  readonly #deleted = new Set<number>()
  readonly #allOctets: number
  #octets: number

  constructor(mailbox: Mailbox, lock: MailboxLock, uidValidity: number, messages: readonly MessageOutline[]) {
    this.account = mailbox.account
    this.#mailbox = mailbox
    this.#lock = lock
    this.#uidValidity = uidValidity
    this.#messages = messages
    this.#allOctets = messages.reduce((sum, message) => sum + message.size, 0)
    this.#octets = this.#allOctets
  }

  /** Messages not marked as deleted. */
  get count(): number {
    return this.#messages.length - this.#deleted.size
  }

  /** Octets of the messages not marked as deleted. */
  get octets(): number {
    return this.#octets
  }

  /** The highest message number, marked ones included. */
  get last(): number {
    return this.#messages.length
  }

  /** The message of a number, unless there is none or it is marked as deleted. */
  get(number: number): DropMessage | undefined {
    const outline = this.#messages[number - 1]
    return outline === undefined || this.#deleted.has(number - 1) ? undefined : { number, outline }
  }

  /** The unique id (RFC 1939 §7, UIDL): at most 21 characters, the same in every session. */
  uniqueId(message: DropMessage): string {
    return `${this.#uidValidity}.${message.outline.uid}`
  }

  /**
   * The message as it was at login. One that was moved elsewhere meanwhile is still served.
   * @throws MailError `NO_SUCH_MESSAGE` when its bytes are gone.
   */
  open(message: DropMessage): Promise<MessageSource> {
    return this.#mailbox.open(message.outline)
  }

  mark(message: DropMessage): void {
    this.#deleted.add(message.number - 1)
    this.#octets -= message.outline.size
  }

  unmarkAll(): void {
    this.#deleted.clear()
    this.#octets = this.#allOctets
  }

  /** UIDs of the messages marked as deleted. */
  markedUids(): number[] {
    const uids: number[] = []
    for (const index of this.#deleted) {
      const message = this.#messages[index]
      if (message) uids.push(message.uid)
    }
    return uids
  }

  /** Removes messages for good; resolves to those that were there. */
  remove(uids: readonly number[]): Promise<number[]> {
    return this.#mailbox.delete(uids)
  }

  /** Gives the mailbox back. */
  release(): Promise<void> {
    return this.#lock.release()
  }
}
