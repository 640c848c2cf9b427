import { MailError } from '../../core/error.js'
import type { SettleResult } from '../queue-storage.js'
import type { NewRecord } from '../record-storage.js'
import type { AcceptResult } from '../storage.js'
import { appendMessages, appendTo, type NewMessage } from './append-messages.js'
import { putBlob, referBlob } from './blob-rows.js'
import {
  type Ending,
  heldEntries,
  type NewQueuedMessage,
  putEntries,
  settleEntries,
} from './entry-changes.js'
import { ensureInbox, makeMailbox } from './mailbox-rows.js'
import { putRecord } from './record-rows.js'
import { blobId, mailboxId } from './row-ids.js'
import type { Statements } from './sqlite-database.js'
import type { Transaction } from './transaction.js'

const hour = 3_600_000

/** A local copy in columns. */
export interface NewCopy {
  readonly account: string
  readonly mailbox: string
  readonly flags: string
  readonly internalDate: number
  readonly prefix: Uint8Array | null
}

/** A batch whose message is at hand or stored: what a thread can be sent. */
export interface PreparedBatch {
  readonly id: string
  readonly receivedAt: number
  readonly message: { readonly bytes: Uint8Array } | { readonly row: number; readonly size?: number }
  readonly copies: readonly NewCopy[]
  readonly queued: NewQueuedMessage | undefined
}

/** What became of a batch that was accepted before, in the last hour at least. */
export function knownResult(
  statements: Statements,
  { id, receivedAt }: Pick<PreparedBatch, 'id' | 'receivedAt'>,
): AcceptResult | undefined {
  const hour = hourOf(receivedAt)
  // The hour behind is looked at as well, as clocks are put right now and then.
  const known = statements.get<{ result: string }>(
    'SELECT result FROM accepted WHERE hour IN (?, ?, ?) AND id = ?',
    hour - 1,
    hour,
    hour + 1,
    id,
  )
  return known && JSON.parse(known.result)
}

function hourOf(instant: number): number {
  return Math.floor(instant / hour)
}

/** Stores copies and entries of a message, once for each id. */
export function acceptBatch(tx: Transaction, batch: PreparedBatch): AcceptResult {
  const known = knownResult(tx, batch)
  if (known) return known
  tx.sees(batch.receivedAt)
  const references = batch.copies.length + (batch.queued?.entries.length ?? 0)
  const { row, size } = keepMessage(tx, batch.message, references)
  const result: AcceptResult = {
    blob: blobId.of(row),
    copies: batch.copies.map(copy => storeCopy(tx, copy, row, size, batch.receivedAt)),
    entries: batch.queued ? putEntries(tx, batch.queued, row, size) : [],
  }
  tx.run(
    'INSERT INTO accepted (hour, id, result) VALUES (?, ?, ?)',
    hourOf(batch.receivedAt),
    batch.id,
    JSON.stringify(result),
  )
  tx.accepted++
  return result
}

function keepMessage(tx: Transaction, message: PreparedBatch['message'], references: number) {
  if ('bytes' in message) {
    return { row: putBlob(tx, message.bytes, references), size: message.bytes.length }
  }
  const size = referBlob(tx, message.row, references)
  if (message.size !== undefined && message.size !== size) {
    throw new MailError('STORAGE_FAILED', 'sqliteStorage: a blob has another size than was written', {
      temporary: true,
    })
  }
  return { row: message.row, size }
}

function storeCopy(tx: Transaction, copy: NewCopy, blob: number, size: number, savedAt: number) {
  const { account, mailbox: name, flags, internalDate, prefix } = copy
  const message = {
    flags,
    internal_date: internalDate,
    saved_at: savedAt,
    size: size + (prefix?.length ?? 0),
    blob,
    prefix,
  }
  const place = appendTo(tx, account, name, message) ?? appendToNew(tx, account, name, message)
  const { id, uid_validity, uid_next, modseq } = place
  const mailbox = name
  return {
    account,
    mailbox,
    mailboxId: mailboxId.of(id),
    uidValidity: uid_validity,
    uid: uid_next - 1,
    modseq,
  }
}

function appendToNew(tx: Transaction, account: string, name: string, message: NewMessage) {
  return appendMessages(tx, makeMailboxIn(tx, account, name), [message])
}

function makeMailboxIn(tx: Transaction, account: string, name: string) {
  const inbox = ensureInbox(tx, account)
  return name === 'INBOX' ? inbox : makeMailbox(tx, account, name)
}

/**
 * Forgets batches accepted more than an hour before both this commit and the last sweep, as one of the two may be by a clock
 * that jumped; at most `limit` of them.
 */
export function forgetBatches(tx: Transaction, sweptAt: number, limit: number): void {
  const kept = hourOf(Math.min(sweptAt, tx.now)) - 1
  const first = tx.get<{ hour: number }>('SELECT hour FROM accepted ORDER BY hour LIMIT 1')
  if (!first || !(first.hour < kept)) return
  tx.run(
    `DELETE FROM accepted WHERE (hour, id) IN (
       SELECT hour, id FROM accepted WHERE hour < ? ORDER BY hour, id LIMIT ?)`,
    kept,
    limit,
  )
}

/** Forgets batches accepted by a clock that was over an hour ahead and was set back since; at most `limit` of them. */
export function forgetBatchesAhead(tx: Transaction, now: number, limit: number): void {
  tx.run(
    `DELETE FROM accepted WHERE (hour, id) IN (
       SELECT hour, id FROM accepted WHERE hour > ? ORDER BY hour, id LIMIT ?)`,
    hourOf(now) + 1,
    limit,
  )
}

/** Settles leased entries, accepts what this calls for and keeps its records, or does nothing when a lease was lost. */
export function settle(
  tx: Transaction,
  entries: readonly Ending[],
  batches: readonly PreparedBatch[],
  records: readonly NewRecord[],
): SettleResult {
  const found = heldEntries(tx, entries)
  if ('lost' in found) return { settled: false, lost: found.lost }
  const accepted = batches.map(batch => acceptBatch(tx, batch))
  settleEntries(tx, found.held)
  for (const record of records) putRecord(tx, record)
  return { settled: true, accepted }
}
