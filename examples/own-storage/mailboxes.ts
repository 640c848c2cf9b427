import { randomUUID } from 'node:crypto'
import { type LocalCopy, type MailboxRecord, MailError, type StoredCopy } from 'posthorn'
import { type MailboxRow, type MessageRow, nextNumber, type Tables } from './tables.ts'

/** A message that is there. */
export type Kept = MessageRow & Required<Pick<MessageRow, 'message'>>

/** Mailboxes and their messages in the tables, for the calls of one commit. */
export class Mailboxes {
  readonly #tables: Tables

  constructor(tables: Tables) {
    this.#tables = tables
  }

  of(account: string): MailboxRow[] {
    return this.#tables.mailboxes.rows().filter(row => row.account === account)
  }

  /** Every account has an INBOX, which is made when somebody looks for it. */
  find(account: string, name: string): MailboxRow | undefined {
    const found = this.of(account).find(row => row.name === name)
    return found ?? (name === 'INBOX' ? this.make(account, name) : undefined)
  }

  /** @throws MailError `NO_SUCH_MAILBOX`. */
  get(account: string, name: string): MailboxRow {
    return this.find(account, name) ?? missing()
  }

  /** Makes a mailbox, and those above it. */
  make(account: string, name: string, options: { specialUse?: string } = {}): MailboxRow {
    const uidValidity = nextNumber(this.#tables, 'uidValidity')
    const row = { id: randomUUID(), account, name, uidValidity, ...options, subscribed: false }
    this.#tables.mailboxes.put(row.id, row)
    this.makeAbove(account, name)
    return row
  }

  makeAbove(account: string, name: string): void {
    const above = name.slice(0, Math.max(0, name.lastIndexOf('/')))
    if (above !== '' && !this.find(account, above)) this.make(account, above)
  }

  /** Rows of a mailbox by UID, those of expunged messages, too. @throws MailError `NO_SUCH_MAILBOX`. */
  rows(mailbox: string): MessageRow[] {
    if (!this.#tables.mailboxes.get(mailbox)) missing()
    const rows = this.#tables.messages.rows().filter(row => row.mailbox === mailbox)
    return rows.sort((a, b) => a.uid - b.uid)
  }

  messages(mailbox: string): Kept[] {
    return this.rows(mailbox).filter((row): row is Kept => row.message !== undefined)
  }

  /** Messages in the order they are asked for. */
  pick(mailbox: string, uids: readonly number[]): Kept[] {
    const messages = new Map(this.messages(mailbox).map(row => [row.uid, row]))
    return [...new Set(uids)].map(uid => messages.get(uid)).filter(row => row !== undefined)
  }

  count(row: MailboxRow): MailboxRecord {
    const kept = this.messages(row.id).map(({ message }) => message)
    const unseen = kept.filter(({ flags }) => !flags.includes('\\Seen')).length
    const bytes = kept.reduce((sum, { size }) => sum + size, 0)
    return { ...row, ...this.counters(row.id), messages: kept.length, unseen, bytes }
  }

  /** UIDs and MODSEQs only grow, as rows stay when their messages go. */
  counters(mailbox: string): { uidNext: number; highestModseq: number } {
    const rows = this.rows(mailbox)
    const highestModseq = rows.reduce((highest, { modseq }) => Math.max(highest, modseq), 1)
    return { uidNext: (rows.at(-1)?.uid ?? 0) + 1, highestModseq }
  }

  put<Row extends MessageRow>(row: Row): Row {
    this.#tables.messages.put(`${row.mailbox}/${row.uid}`, row)
    return row
  }

  /** Adds a message: it takes the next UID, and a MODSEQ above all others. */
  add(mailbox: string, message: Kept['message']): MessageRow {
    const { uidNext, highestModseq } = this.counters(mailbox)
    return this.put({ mailbox, uid: uidNext, modseq: highestModseq + 1, message })
  }

  expunge(mailbox: string, messages: readonly Kept[]): void {
    const modseq = this.counters(mailbox).highestModseq + 1
    for (const { uid } of messages) this.put({ mailbox, uid, modseq })
  }

  /** Removes a mailbox with all its rows. */
  delete(mailbox: string): void {
    for (const { uid } of this.rows(mailbox)) this.#tables.messages.delete(`${mailbox}/${uid}`)
    this.#tables.mailboxes.delete(mailbox)
  }

  /** Stores the copies of a batch. */
  store(copies: readonly LocalCopy[], blob: { id: string; size: number }, savedAt: number): StoredCopy[] {
    return copies.map(({ account, mailbox: name, flags = [], internalDate, prefix = new Uint8Array() }) => {
      const { id, uidValidity } = this.find(account, name) ?? this.make(account, name)
      const { uid, modseq } = this.add(id, {
        flags: [...new Set(flags)].sort(),
        internalDate,
        savedAt,
        size: blob.size + prefix.length,
        blob: blob.id,
        ...(prefix.length > 0 && { prefix: Buffer.from(prefix).toString('base64') }),
      })
      return { account, mailbox: name, mailboxId: id, uidValidity, uid, modseq }
    })
  }
}

function missing(): never {
  throw new MailError('NO_SUCH_MAILBOX', 'the mailbox does not exist')
}
