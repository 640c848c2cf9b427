import type { CopiedMessage, FlagChange, FlagResult } from '../mail-storage.js'
import { renamedMailboxes } from '../mailbox-names.js'
import { appendMessages } from './append-messages.js'
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
