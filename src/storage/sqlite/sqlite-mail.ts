import type {
  AccountsQuery,
  CopiedMessage,
  FlagChange,
  FlagResult,
  MailboxId,
  MailboxRecord,
  MessageOutline,
  MessageQuery,
  MessageRecord,
  OutliningMailStorage,
  Usage,
} from '../mail-storage.js'
import { compareMailboxNames } from '../mailbox-names.js'
import type { Connection } from './connection.js'
import { listInPages } from './list-in-pages.js'
import { findMailbox, mailboxByRow, mailboxesOf, mailboxRecord } from './mailbox-rows.js'
import { asOutline, asRecord, listMessages, messageRecord, vanishedUids } from './message-rows.js'
import { mailboxId } from './row-ids.js'

/** Mailboxes and messages in SQLite. */
export class SqliteMail implements OutliningMailStorage {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async mailboxes(account: string): Promise<MailboxRecord[]> {
    const read = () => this.#connection.read(statements => mailboxesOf(statements, account))
    let rows = await read()
    if (!rows.some(row => row.name === 'INBOX')) {
      await this.#connection.write('ensureInbox', [account])
      rows = await read()
    }
    return rows.sort((a, b) => compareMailboxNames(a.name, b.name)).map(mailboxRecord)
  }

  async mailbox(account: string, name: string): Promise<MailboxRecord | undefined> {
    const row = await this.#connection.read(statements => findMailbox(statements, account, name))
    if (row) return mailboxRecord(row)
    return name === 'INBOX' ? this.#connection.write('ensureInbox', [account]) : undefined
  }

  createMailbox(
    account: string,
    name: string,
    options: { readonly specialUse?: string } = {},
  ): Promise<MailboxRecord> {
    return this.#connection.write('createMailbox', [account, name, options.specialUse])
  }

  renameMailbox(account: string, from: string, to: string): Promise<void> {
    return this.#connection.write('renameMailbox', [account, from, to])
  }

  deleteMailbox(account: string, name: string): Promise<void> {
    return this.#connection.write('deleteMailbox', [account, name])
  }

  setSubscribed(account: string, name: string, subscribed: boolean): Promise<void> {
    return this.#connection.write('setSubscribed', [account, name, subscribed])
  }

  list(mailbox: MailboxId, query: MessageQuery = {}): Promise<MessageRecord[]> {
    const row = mailboxId.row(mailbox)
    if (query.changedSince === undefined) return listInPages(this.#connection, row, asRecord, query)
    return this.#connection.read(statements => {
      const { id } = mailboxByRow(statements, row)
      return listMessages(statements, id, query).map(messageRecord)
    })
  }

  outline(mailbox: MailboxId): Promise<MessageOutline[]> {
    return listInPages(this.#connection, mailboxId.row(mailbox), asOutline)
  }

  setFlags(mailbox: MailboxId, change: FlagChange): Promise<FlagResult> {
    return this.#connection.write('setFlags', [mailbox, change])
  }

  copy(from: MailboxId, uids: readonly number[], to: MailboxId, savedAt: number): Promise<CopiedMessage[]> {
    return this.#connection.write('copy', [from, uids, to, savedAt])
  }

  move(from: MailboxId, uids: readonly number[], to: MailboxId, savedAt: number): Promise<CopiedMessage[]> {
    return this.#connection.write('move', [from, uids, to, savedAt])
  }

  expunge(mailbox: MailboxId, uids: readonly number[]): Promise<number[]> {
    return this.#connection.write('expunge', [mailbox, uids])
  }

  vanished(mailbox: MailboxId, since: number): Promise<number[]> {
    return this.#connection.read(statements => {
      const { id } = mailboxByRow(statements, mailboxId.row(mailbox))
      return vanishedUids(statements, id, since)
    })
  }

  usage(account: string): Promise<Usage> {
    return this.#connection.read(statements => {
      const sums = statements.get<Usage>(
        'SELECT total(bytes) AS bytes, total(messages) AS messages FROM mailboxes WHERE account = ?',
        account,
      )
      return { bytes: sums?.bytes ?? 0, messages: sums?.messages ?? 0 }
    })
  }

  accounts({ after = '', limit = 1_000 }: AccountsQuery = {}): Promise<string[]> {
    return this.#connection.read(statements =>
      statements
        .all<{ account: string }>(
          'SELECT DISTINCT account FROM mailboxes WHERE account > ? ORDER BY account LIMIT ?',
          after,
          Math.min(limit, Number.MAX_SAFE_INTEGER),
        )
        .map(({ account }) => account),
    )
  }
}
