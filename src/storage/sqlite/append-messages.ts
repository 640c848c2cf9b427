import { noSuchMailbox } from '../mailbox-names.js'
import type { MailboxRow } from './mailbox-rows.js'
import { isUnseen, type MessageRow } from './message-rows.js'
import type { Transaction } from './transaction.js'

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
