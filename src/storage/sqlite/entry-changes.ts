import { MailError } from '../../core/error.js'
import { giveBackEntry, holdEntry, releaseEntry, settleEntry } from '../entry-standing.js'
import type { AttemptRecord, LeaseRef, SettledEntry } from '../queue-storage.js'
import type { NewRecord } from '../record-storage.js'
import { putAttempt } from './attempt-rows.js'
import { type EntryRow, entryById, putStanding, standingOf } from './entry-rows.js'
import { bringForward, type LaneKey, touchLanes } from './lanes.js'
import { putRecord } from './record-rows.js'
import { entryId } from './row-ids.js'
import type { Transaction } from './transaction.js'

/** What becomes of a leased entry; of an attempt that was its last nothing is kept. */
export type Ending = LeaseRef | (LeaseRef & { readonly attempt?: AttemptRecord; readonly next: GoingOn })

type GoingOn = Exclude<SettledEntry['next'], { state: 'done' }>

/** What is queued for one recipient, in columns. */
export interface NewEntry {
  readonly recipient: string
  readonly address: string
  readonly destination: string
  readonly dueAt: number
  readonly held: boolean
}

/** What the entries of one message share, in columns. */
export interface NewQueuedMessage {
  readonly traceId: string
  readonly envelope: string
  readonly sender: string
  /** By `senderOf`. */
  readonly owner: string
  readonly submitter: string | null
  readonly queuedAt: number
  readonly entries: readonly NewEntry[]
}

/** Queues a message whose blob counts the references already. Gives the ids. */
export function putEntries(tx: Transaction, message: NewQueuedMessage, blob: number, size: number): string[] {
  let first = 0
  const rows: number[] = []
  for (const entry of message.entries) {
    const row = insertEntry(tx, message, entry, first, blob, size)
    first ||= row
    rows.push(row)
    if (entry.held) continue
    bringForward(tx, { owner: message.owner, destination: entry.destination }, entry.dueAt)
    tx.changes.queue(entry.dueAt)
  }
  if (rows.length > 0) tx.run('UPDATE entries SET message = id WHERE id = ?', first)
  return rows.map(entryId.of)
}

function insertEntry(
  tx: Transaction,
  message: NewQueuedMessage,
  entry: NewEntry,
  first: number,
  blob: number,
  size: number,
): number {
  const made = tx.get<{ id: number }>(
    `INSERT INTO entries (message, trace_id, blob, size, envelope, sender, recipient, address, destination, submitter,
       owner, queued_at, state, due_at, due_before) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
    first,
    message.traceId,
    blob,
    size,
    message.envelope,
    message.sender,
    entry.recipient,
    entry.address,
    entry.destination,
    message.submitter,
    message.owner,
    message.queuedAt,
    entry.held ? 'held' : 'waiting',
    entry.dueAt,
    entry.dueAt,
  )
  return made?.id ?? 0
}

/** Gives the ids whose lease was lost. */
export function renewLeases(tx: Transaction, leases: readonly LeaseRef[], expiresAt: number): string[] {
  const lost: string[] = []
  const lanes: LaneKey[] = []
  for (const lease of leases) {
    const row = leasedRow(tx, lease)
    if (!row) lost.push(lease.id)
    else {
      tx.run('UPDATE entries SET due_at = ? WHERE id = ?', expiresAt, row.id)
      lanes.push(row)
    }
  }
  touchLanes(tx, lanes)
  return lost
}

export function giveBackLeases(tx: Transaction, leases: readonly LeaseRef[]): void {
  const rows = leases.map(lease => leasedRow(tx, lease)).filter(row => row !== undefined)
  for (const row of rows) {
    const standing = giveBackEntry(standingOf(row))
    putStanding(tx, row, standing)
    if (standing.state === 'waiting') tx.changes.queue(standing.dueAt)
  }
  touchLanes(tx, rows)
}

function leasedRow(tx: Transaction, { id, token }: LeaseRef): EntryRow | undefined {
  const row = entryById(tx, id)
  return row?.state === 'leased' && row.token === token ? row : undefined
}

/** Entries whose leases hold, and what becomes of them. */
export type HeldEntries = readonly (readonly [EntryRow, Ending])[]

/**
 * The entries of a settlement, or the ids of those whose lease is lost, if any.
 * @throws MailError `OPTION_INVALID` when an entry is named twice.
 */
export function heldEntries(
  tx: Transaction,
  entries: readonly Ending[],
): { readonly held: HeldEntries } | { readonly lost: string[] } {
  if (new Set(entries.map(entry => entry.id)).size < entries.length) {
    throw new MailError('OPTION_INVALID', 'settle: an entry is named twice')
  }
  const held: [EntryRow, Ending][] = []
  const lost: string[] = []
  for (const entry of entries) {
    const row = leasedRow(tx, entry)
    if (row) held.push([row, entry])
    else lost.push(entry.id)
  }
  return lost.length > 0 ? { lost } : { held }
}

/** Records what became of entries. */
export function settleEntries(tx: Transaction, held: HeldEntries): void {
  for (const [row, ending] of held) endEntry(tx, row, ending)
  touchLanes(
    tx,
    held.map(([row]) => row),
  )
}

function endEntry(tx: Transaction, row: EntryRow, ending: Ending): void {
  const standing = 'next' in ending ? settleEntry(standingOf(row), ending) : undefined
  if (!standing) {
    removeEntry(tx, row)
    return
  }
  if ('next' in ending && ending.attempt) putAttempt(tx, row, ending.attempt)
  putStanding(tx, row, standing)
  if (standing.state === 'waiting') tx.changes.queue(standing.dueAt)
}

function removeEntry(tx: Transaction, row: EntryRow): void {
  tx.run('DELETE FROM entries WHERE id = ?', row.id)
  tx.released.push(row.blob)
}

export function holdEntries(tx: Transaction, ids: readonly string[]): string[] {
  const rows = findEntries(tx, ids)
  for (const row of rows) {
    const standing = holdEntry(standingOf(row))
    if (standing) putStanding(tx, row, standing)
  }
  touchLanes(tx, rows)
  return rows.map(row => entryId.of(row.id))
}

export function releaseEntries(tx: Transaction, ids: readonly string[], dueAt: number): string[] {
  const concerned: EntryRow[] = []
  for (const row of findEntries(tx, ids)) {
    const standing = releaseEntry(standingOf(row), dueAt)
    if (!standing) continue
    putStanding(tx, row, standing)
    if (standing.state === 'waiting') tx.changes.queue(dueAt)
    concerned.push(row)
  }
  touchLanes(tx, concerned)
  return concerned.map(row => entryId.of(row.id))
}

export function dropEntries(
  tx: Transaction,
  ids: readonly string[],
  records: ReadonlyMap<string, readonly NewRecord[]> = new Map(),
): string[] {
  const rows = findEntries(tx, ids)
  for (const row of rows) removeEntry(tx, row)
  touchLanes(tx, rows)
  const dropped = rows.map(row => entryId.of(row.id))
  for (const id of dropped) for (const record of records.get(id) ?? []) putRecord(tx, record)
  return dropped
}

function findEntries(tx: Transaction, ids: readonly string[]): EntryRow[] {
  return [...new Set(ids)].map(id => entryById(tx, id)).filter(row => row !== undefined)
}
