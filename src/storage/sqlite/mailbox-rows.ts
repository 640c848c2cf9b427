import { MailError } from '../../core/error.js'
import type { MailboxRecord } from '../mail-storage.js'
import { mailboxExists, mailboxesAbove, noSuchMailbox } from '../mailbox-names.js'
import { mailboxId } from './row-ids.js'
import type { Statements } from './sqlite-database.js'
import type { Transaction } from './transaction.js'

/** A row of `mailboxes`. */
export interface MailboxRow {
  readonly id: number
  readonly account: string
  readonly name: string
  readonly uid_validity: number
  readonly uid_next: number
  readonly modseq: number
  readonly messages: number
  readonly unseen: number
  readonly bytes: number
  readonly tombstones: number
  readonly special_use: string | null
  readonly subscribed: number
}

export function mailboxRecord(row: MailboxRow): MailboxRecord {
  return {
    id: mailboxId.of(row.id),
    account: row.account,
    name: row.name,
    uidValidity: row.uid_validity,
    uidNext: row.uid_next,
    highestModseq: row.modseq,
    messages: row.messages,
    unseen: row.unseen,
    bytes: row.bytes,
    ...(row.special_use !== null && { specialUse: row.special_use }),
    subscribed: row.subscribed === 1,
  }
}

export function mailboxesOf(statements: Statements, account: string): MailboxRow[] {
  return statements.all<MailboxRow>('SELECT * FROM mailboxes WHERE account = ?', account)
}

export function findMailbox(statements: Statements, account: string, name: string): MailboxRow | undefined {
  return statements.get<MailboxRow>('SELECT * FROM mailboxes WHERE account = ? AND name = ?', account, name)
}

/** @throws MailError `NO_SUCH_MAILBOX`. */
export function mailboxByRow(statements: Statements, row: number): MailboxRow {
  const found = statements.get<MailboxRow>('SELECT * FROM mailboxes WHERE id = ?', row)
  if (found) return found
  throw noSuchMailbox()
}

/** What every account has, wherever it is asked for first. */
export function ensureInbox(tx: Transaction, account: string): MailboxRow {
  return findMailbox(tx, account, 'INBOX') ?? insertMailbox(tx, account, 'INBOX')
}

/** Makes a mailbox, and those above it. @throws MailError `MAILBOX_EXISTS`. */
export function createMailbox(
  tx: Transaction,
  account: string,
  name: string,
  specialUse?: string,
): MailboxRecord {
  ensureInbox(tx, account)
  if (findMailbox(tx, account, name)) throw mailboxExists(name)
  return mailboxRecord(makeMailbox(tx, account, name, specialUse))
}

/** Makes a mailbox that does not exist, and those above it. An INBOX that nobody saw missing is no change. */
export function makeMailbox(tx: Transaction, account: string, name: string, specialUse?: string): MailboxRow {
  makeMailboxesAbove(tx, account, name)
  if (name !== 'INBOX') tx.changes.mailboxesOf(account)
  return insertMailbox(tx, account, name, specialUse)
}

function makeMailboxesAbove(tx: Transaction, account: string, name: string): void {
  for (const above of mailboxesAbove(name))
    if (!findMailbox(tx, account, above)) makeMailbox(tx, account, above)
}

function insertMailbox(tx: Transaction, account: string, name: string, specialUse?: string): MailboxRow {
  const state = tx.get<{ last_uid_validity: number }>(
    'UPDATE state SET last_uid_validity = last_uid_validity + 1 RETURNING last_uid_validity',
  )
  const made = tx.get<MailboxRow>(
    'INSERT INTO mailboxes (account, name, uid_validity, special_use) VALUES (?, ?, ?, ?) RETURNING *',
    account,
    name,
    state?.last_uid_validity ?? 1,
    specialUse ?? null,
  )
  if (made) return made
  throw new MailError('STORAGE_FAILED', 'sqliteStorage: a new mailbox was not there', { temporary: true })
}

/** Renames a mailbox with those below it. @param names - what they are called, by the names they had. */
export function renameTree(
  tx: Transaction,
  account: string,
  to: string,
  names: ReadonlyMap<string, string>,
): void {
  const moving = mailboxesOf(tx, account).filter(({ name }) => names.has(name))
  // Out of each other's way first: a mailbox may get the name that another has until it gets its own.
  for (const { id } of moving) tx.run("UPDATE mailboxes SET name = '/' || id WHERE id = ?", id)
  for (const { id, name } of moving) {
    tx.run('UPDATE mailboxes SET name = ? WHERE id = ?', names.get(name) ?? name, id)
  }
  makeMailboxesAbove(tx, account, to)
  tx.changes.mailboxesOf(account)
}

export function setSubscribed(tx: Transaction, account: string, name: string, subscribed: boolean): void {
  if (name === 'INBOX') ensureInbox(tx, account)
  const { id } = namedMailbox(tx, account, name)
  tx.run('UPDATE mailboxes SET subscribed = ? WHERE id = ?', subscribed ? 1 : 0, id)
}

/** @throws MailError `NO_SUCH_MAILBOX`. */
export function namedMailbox(statements: Statements, account: string, name: string): MailboxRow {
  const found = findMailbox(statements, account, name)
  if (found) return found
  throw noSuchMailbox(name)
}
