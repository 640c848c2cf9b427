import type { CopiedMessage, FlagChange, FlagResult } from '../mail-storage.js'
import { noSuchMailbox, renamedMailboxes } from '../mailbox-names.js'
import { referBlob, releaseBlobs } from './blob-rows.js'
import {
  createMailbox,
  ensureInbox,
  type MailboxRow,
  mailboxByRow,
  mailboxesOf,
  namedMailbox,
  renameTree,
} from './mailbox-rows.js'
import {
  changedFlags,
  isUnseen,
  listMessages,
  type MessageRow,
  messageByUid,
  messageRecord,
} from './message-rows.js'
import { mailboxId } from './row-ids.js'
import type { Transaction } from './transaction.js'

const fewestTombstones = 10_000

/** A message before it has a place. */
export type NewMessage = Omit<MessageRow, 'uid' | 'modseq'>

/** The counters of a mailbox after messages were appended. */
type Counters = Pick<MailboxRow, 'id' | 'uid_validity' | 'uid_next' | 'modseq'>

const countNew = `UPDATE mailboxes SET uid_next = uid_next + ?, modseq = modseq + ?, messages = messages + ?,
  unseen = unseen + ?, bytes = bytes + ?`
const counters = 'id, uid_validity, uid_next, modseq'

/** A mailbox that a group appends to by its name, and what is not counted in its row yet. */
export interface Appending extends Mutable<Counters> {
  messages: number
  unseen: number
  bytes: number
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/**
 * Appends a message as {@link appendMessages} does, to a mailbox by its name; `undefined` where there is none. The row of
 * the mailbox is written for the first message of a group, and for all others at once by {@link settleCounters}.
 */
export function appendTo(
  tx: Transaction,
  account: string,
  name: string,
  message: NewMessage,
): Counters | undefined {
  const key = `${account}\n${name}`
  const known = tx.appending.get(key)
  const after = known ? countOn(known, message) : countFirst(tx, account, name, message)
  if (!after) return undefined
  if (!known) tx.appending.set(key, after)
  insertAppended(tx, { ...after, account, name }, [message])
  return after
}

function countFirst(
  tx: Transaction,
  account: string,
  name: string,
  message: NewMessage,
): Appending | undefined {
  const after = tx.get<Counters>(
    `${countNew} WHERE account = ? AND name = ? RETURNING ${counters}`,
    1,
    1,
    1,
    Number(isUnseen(message.flags)),
    message.size,
    account,
    name,
  )
  return after && { ...after, messages: 0, unseen: 0, bytes: 0 }
}

function countOn(mailbox: Appending, { flags, size }: NewMessage): Appending {
  mailbox.uid_next++
  mailbox.modseq++
  mailbox.messages++
  mailbox.unseen += Number(isUnseen(flags))
  mailbox.bytes += size
  return mailbox
}

/** Brings the rows of mailboxes in line with what was appended to them: before anything else looks at them. */
export function settleCounters(tx: Transaction): void {
  for (const { id, messages, unseen, bytes } of tx.appending.values()) {
    if (messages > 0) tx.run(`${countNew} WHERE id = ?`, messages, messages, messages, unseen, bytes, id)
  }
  tx.appending.clear()
}

/** Appends messages whose blobs count the reference already; each gets a UID and a MODSEQ. Gives the counters after. */
export function appendMessages(
  tx: Transaction,
  mailbox: MailboxRow,
  messages: readonly NewMessage[],
): Counters {
  const after = tx.get<Counters>(
    `${countNew} WHERE id = ? RETURNING ${counters}`,
    messages.length,
    messages.length,
    messages.length,
    messages.filter(({ flags }) => isUnseen(flags)).length,
    messages.reduce((sum, { size }) => sum + size, 0),
    mailbox.id,
  )
  if (!after) throw noSuchMailbox()
  insertAppended(tx, { ...mailbox, ...after }, messages)
  return after
}

function insertAppended(
  tx: Transaction,
  mailbox: Counters & Pick<MailboxRow, 'account' | 'name'>,
  messages: readonly NewMessage[],
): void {
  const { uid_next, modseq } = mailbox
  const before = { modseq: modseq - messages.length, uidNext: uid_next - messages.length }
  for (const [index, message] of messages.entries()) {
    insertMessage(tx, mailbox.id, before.uidNext + index, before.modseq + 1 + index, message)
  }
  tx.changes.messages(mailbox.id, { account: mailbox.account, mailbox: mailbox.name, modseq, before })
}

function insertMessage(
  tx: Transaction,
  mailbox: number,
  uid: number,
  modseq: number,
  message: NewMessage,
): void {
  tx.run(
    `INSERT INTO messages (mailbox, uid, modseq, flags, internal_date, saved_at, size, blob, prefix)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    mailbox,
    uid,
    modseq,
    message.flags,
    message.internal_date,
    message.saved_at,
    message.size,
    message.blob,
    message.prefix,
  )
}

/** One new MODSEQ for all messages whose flags change. */
export function setFlags(tx: Transaction, mailbox: string, change: FlagChange): FlagResult {
  const target = mailboxByRow(tx, mailboxId.row(mailbox))
  const modseq = target.modseq + 1
  const unchangedSince = change.unchangedSince ?? Number.POSITIVE_INFINITY
  const messages: MessageRow[] = []
  const modified: number[] = []
  let changed = 0
  let unseen = 0
  for (const row of listMessages(tx, target.id, { uids: change.uids })) {
    const flags = changedFlags(row.flags, change)
    if (row.modseq > unchangedSince) modified.push(row.uid)
    else if (flags === row.flags) messages.push(row)
    else {
      changed++
      unseen += Number(isUnseen(flags)) - Number(isUnseen(row.flags))
      messages.push({ ...row, flags, modseq })
      updateFlags(tx, target.id, row.uid, flags, modseq)
    }
  }
  if (changed > 0) {
    tx.run('UPDATE mailboxes SET modseq = ?, unseen = unseen + ? WHERE id = ?', modseq, unseen, target.id)
    tellOf(tx, target, modseq)
  }
  return { messages: messages.map(messageRecord), modified }
}

function updateFlags(tx: Transaction, mailbox: number, uid: number, flags: string, modseq: number): void {
  tx.run(
    'UPDATE messages SET flags = ?, modseq = ? WHERE mailbox = ? AND uid = ?',
    flags,
    modseq,
    mailbox,
    uid,
  )
}

function tellOf(tx: Transaction, { id, account, name, modseq, uid_next }: MailboxRow, after: number): void {
  tx.changes.messages(id, { account, mailbox: name, modseq: after, before: { modseq, uidNext: uid_next } })
}

export function copyMessages(
  tx: Transaction,
  from: string,
  uids: readonly number[],
  to: string,
  savedAt: number,
): CopiedMessage[] {
  const source = mailboxByRow(tx, mailboxId.row(from))
  return copyRows(tx, findMessages(tx, source.id, uids), mailboxByRow(tx, mailboxId.row(to)), savedAt)
}

export function moveMessages(
  tx: Transaction,
  from: string,
  uids: readonly number[],
  to: string,
  savedAt: number,
): CopiedMessage[] {
  const source = mailboxByRow(tx, mailboxId.row(from))
  const messages = findMessages(tx, source.id, uids)
  const copied = copyRows(tx, messages, mailboxByRow(tx, mailboxId.row(to)), savedAt)
  expungeUids(
    tx,
    mailboxByRow(tx, source.id),
    copied.map(message => message.from),
  )
  return copied
}

function findMessages(tx: Transaction, mailbox: number, uids: readonly number[]): MessageRow[] {
  return [...new Set(uids)]
    .map(uid => messageByUid(tx, mailbox, uid))
    .filter(message => message !== undefined)
}

function copyRows(
  tx: Transaction,
  messages: readonly MessageRow[],
  to: MailboxRow,
  savedAt: number,
): CopiedMessage[] {
  if (messages.length === 0) return []
  for (const { blob } of messages) referBlob(tx, blob, 1)
  const copies = messages.map(message => ({ ...message, saved_at: savedAt }))
  const first = appendMessages(tx, to, copies).uid_next - messages.length
  return messages.map(({ uid }, index) => ({ from: uid, to: first + index }))
}

/** Gives the UIDs that were there, ascending. */
export function expungeMessages(tx: Transaction, mailbox: string, uids: readonly number[]): number[] {
  return expungeUids(tx, mailboxByRow(tx, mailboxId.row(mailbox)), uids).sort((a, b) => a - b)
}

/** Gives the UIDs that were there. */
function expungeUids(tx: Transaction, mailbox: MailboxRow, uids: readonly number[]): number[] {
  const removed = tx.all<Pick<MessageRow, 'uid' | 'flags' | 'size' | 'blob'>>(
    `DELETE FROM messages WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))
     RETURNING uid, flags, size, blob`,
    mailbox.id,
    JSON.stringify(uids),
  )
  const gone = removed.map(({ uid }) => uid)
  if (gone.length === 0) return gone
  const modseq = mailbox.modseq + 1
  tx.run(
    'INSERT INTO tombstones (mailbox, modseq, uid) SELECT ?, ?, value FROM json_each(?)',
    mailbox.id,
    modseq,
    JSON.stringify(gone),
  )
  releaseBlobs(
    tx,
    removed.map(({ blob }) => blob),
  )
  tx.run(
    `UPDATE mailboxes SET modseq = ?, messages = messages - ?, unseen = unseen - ?, bytes = bytes - ?,
       tombstones = tombstones + ? WHERE id = ?`,
    modseq,
    removed.length,
    removed.filter(({ flags }) => isUnseen(flags)).length,
    removed.reduce((sum, { size }) => sum + size, 0),
    removed.length,
    mailbox.id,
  )
  if (mailbox.tombstones + removed.length > 2 * fewestTombstones) forgetTombstones(tx, mailbox.id)
  tellOf(tx, mailbox, modseq)
  return gone
}

/** Keeps the last 10,000, whenever there are twice as many. */
function forgetTombstones(tx: Transaction, mailbox: number): void {
  const oldest = tx.get<{ modseq: number; uid: number }>(
    'SELECT modseq, uid FROM tombstones WHERE mailbox = ? ORDER BY modseq DESC, uid DESC LIMIT 1 OFFSET ?',
    mailbox,
    fewestTombstones - 1,
  )
  if (!oldest) return
  tx.run(
    'DELETE FROM tombstones WHERE mailbox = ? AND (modseq, uid) < (?, ?)',
    mailbox,
    oldest.modseq,
    oldest.uid,
  )
  tx.run('UPDATE mailboxes SET tombstones = ? WHERE id = ?', fewestTombstones, mailbox)
}

/** @throws MailError `NO_SUCH_MAILBOX`, `MAILBOX_EXISTS`. */
export function renameMailbox(tx: Transaction, account: string, from: string, to: string): void {
  ensureInbox(tx, account)
  const mailbox = namedMailbox(tx, account, from)
  const all = mailboxesOf(tx, account).map(({ name }) => name)
  const names = renamedMailboxes(all, from, to)
  if (from === 'INBOX') emptyInbox(tx, mailbox, to)
  else renameTree(tx, account, to, names)
}

/** RFC 3501 §6.3.5: the messages of INBOX move, the mailboxes below it stay. */
function emptyInbox(tx: Transaction, inbox: MailboxRow, to: string): void {
  const target = createMailbox(tx, inbox.account, to)
  const messages = listMessages(tx, inbox.id)
  for (const { blob } of messages) referBlob(tx, blob, 1)
  if (messages.length > 0) appendMessages(tx, mailboxByRow(tx, mailboxId.row(target.id)), messages)
  expungeUids(
    tx,
    inbox,
    messages.map(({ uid }) => uid),
  )
}

/** Deletes a mailbox with its messages. @throws MailError `NO_SUCH_MAILBOX`. */
export function deleteMailbox(tx: Transaction, account: string, name: string): void {
  const { id } = namedMailbox(tx, account, name)
  releaseBlobs(
    tx,
    listMessages(tx, id).map(({ blob }) => blob),
  )
  tx.run('DELETE FROM messages WHERE mailbox = ?', id)
  tx.run('DELETE FROM mailboxes WHERE id = ?', id)
  tx.changes.mailboxesOf(account)
}
