import { randomUUID } from 'node:crypto'
import { type MailboxRecord, mailboxesAbove, noSuchMailbox } from 'posthorn'
import type { MailboxRow, MessageRow, Tables } from './tables.ts'

/** Mailboxes and their messages in the tables. */
export class Mailboxes {
  constructor(readonly tables: Tables) {}

  /** Every account has an INBOX, which is made when somebody looks for it. */
  of(account: string): MailboxRow[] {
    this.ensure(account, 'INBOX')
    return [...this.tables.mailboxes.values()].filter(row => row.account === account)
  }

  find(account: string, name: string): MailboxRow | undefined {
    return this.of(account).find(row => row.name === name)
  }

  /** @throws MailError `NO_SUCH_MAILBOX`. */
  get(account: string, name: string): MailboxRow {
    const found = this.find(account, name)
    if (!found) throw noSuchMailbox(name)
    return found
  }

  /** A mailbox, which is made with those above it where there is none. */
  ensure(account: string, name: string, options: { specialUse?: string } = {}): MailboxRow {
    const { mailboxes } = this.tables
    for (const row of mailboxes.values()) if (row.account === account && row.name === name) return row
    for (const above of mailboxesAbove(name)) this.ensure(account, above)
    const uidValidity = this.tables.nextNumber('uidValidity')
    const row = { id: randomUUID(), account, name, uidValidity, ...options, subscribed: false }
    mailboxes.set(row.id, row)
    return row
  }

  /** What is and what was in a mailbox, by UID. @throws MailError `NO_SUCH_MAILBOX`. */
  rows(mailbox: string): MessageRow[] {
    if (!this.tables.mailboxes.has(mailbox)) throw noSuchMailbox()
    return [...this.tables.messages.values()].filter(row => row.mailbox === mailbox)
  }

  messages(mailbox: string): MessageRow[] {
    return this.rows(mailbox).filter(({ isGone }) => !isGone)
  }

  counters(mailbox: string): { uidNext: number; modseq: number } {
    const rows = this.rows(mailbox)
    const modseq = rows.reduce((highest, row) => Math.max(highest, row.modseq), 1)
    return { uidNext: (rows.at(-1)?.uid ?? 0) + 1, modseq }
  }

  record(row: MailboxRow): MailboxRecord {
    const messages = this.messages(row.id)
    const unseen = messages.filter(({ flags }) => !flags.includes('\\Seen')).length
    const bytes = messages.reduce((sum, { size }) => sum + size, 0)
    const { uidNext, modseq: highestModseq } = this.counters(row.id)
    return { ...row, uidNext, highestModseq, messages: messages.length, unseen, bytes }
  }

  put(row: MessageRow): MessageRow {
    this.tables.messages.set(`${row.mailbox}/${row.uid}`, row)
    return row
  }

  /** Adds a message: it takes the next UID, and a MODSEQ above all others. */
  add(mailbox: string, message: Omit<MessageRow, 'mailbox' | 'uid' | 'modseq'>): MessageRow {
    const { uidNext, modseq } = this.counters(mailbox)
    return this.put({ ...message, mailbox, uid: uidNext, modseq: modseq + 1 })
  }

  /** Gives the UIDs of the messages that were there, ascending. */
  expunge(mailbox: string, uids: readonly number[]): number[] {
    const modseq = this.counters(mailbox).modseq + 1
    const found = this.messages(mailbox).filter(({ uid }) => uids.includes(uid))
    return found.map(row => this.put({ ...row, modseq, isGone: true }).uid)
  }
}
