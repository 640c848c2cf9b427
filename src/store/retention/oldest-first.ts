import { MailError } from '../../core/error.js'
import type { MailboxRecord, MailStorage, MessageRecord } from '../../storage/mail-storage.js'
import { askStorage, shapes } from '../storage-door.js'

const pageSize = 200

/** The messages of one mailbox from the oldest on, which are those with the lowest UIDs. */
export class MailboxCursor {
  readonly mailbox: MailboxRecord
  readonly #mail: MailStorage
  #page: MessageRecord[] = []
  #index = 0
  #from = 1

  constructor(mailbox: MailboxRecord, mail: MailStorage) {
    this.mailbox = mailbox
    this.#mail = mail
  }

  /** The message it stands before; `undefined` at the end. */
  async peek(): Promise<MessageRecord | undefined> {
    if (this.#index === this.#page.length) await this.#turnPage()
    return this.#page[this.#index]
  }

  advance(): void {
    this.#index++
  }

  async #turnPage(): Promise<void> {
    const query = { uids: [{ from: this.#from, to: Number.POSITIVE_INFINITY }], limit: pageSize }
    this.#index = 0
    try {
      this.#page = await askStorage(
        'mail.list',
        () => this.#mail.list(this.mailbox.id, query),
        shapes.messages,
      )
    } catch (thrown) {
      if (!(thrown instanceof MailError) || thrown.code !== 'NO_SUCH_MAILBOX') throw thrown
      this.#page = []
    }
    this.#from = (this.#page.at(-1)?.uid ?? this.#from) + 1
  }
}

/** The cursor that stands before the oldest message of all. Those at their end are taken out of the list. */
export async function oldestOf(
  cursors: MailboxCursor[],
): Promise<{ cursor: MailboxCursor; message: MessageRecord } | undefined> {
  let oldest: { cursor: MailboxCursor; message: MessageRecord } | undefined
  for (const cursor of [...cursors]) {
    const message = await cursor.peek()
    if (!message) cursors.splice(cursors.indexOf(cursor), 1)
    else if (!oldest || message.savedAt < oldest.message.savedAt) oldest = { cursor, message }
  }
  return oldest
}
