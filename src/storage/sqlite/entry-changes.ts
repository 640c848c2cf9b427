import { randomUUID } from 'node:crypto'
import { MailError } from '../../core/error.js'
import type {
  AttemptRecord,
  LeasedEntry,
  LeaseRef,
  LeaseRequest,
  QueueState,
  SettledEntry,
} from '../queue-storage.js'
import { releaseBlob } from './blob-rows.js'
import { type EntryRow, entryById, queueEntry } from './entry-rows.js'
import { entryId } from './row-ids.js'
import type { Transaction } from './transaction.js'

const longestHistory = 50
/** RFC 5321 §4.5.3.1.8: a server must take 100 recipients in one transaction; more are a risk. */
const mostPerTransaction = 100

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
    if (!entry.held) bringForward(tx, entry.destination, entry.dueAt)
  }
  if (rows.length > 0) {
    tx.run('UPDATE entries SET message = id WHERE id = ?', first)
    tx.changes.queue()
  }
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
       queued_at, state, due_at, due_before) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
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
    message.queuedAt,
    entry.held ? 'held' : 'waiting',
    entry.dueAt,
    entry.dueAt,
  )
  return made?.id ?? 0
}

function bringForward(tx: Transaction, destination: string, dueAt: number): void {
  tx.run(
    'INSERT INTO lanes (destination, due_at) VALUES (?, ?) ON CONFLICT DO UPDATE SET due_at = min(due_at, excluded.due_at)',
    destination,
    dueAt,
  )
}

/** Brings lanes in line with the entries of their destinations. */
function settleLanes(tx: Transaction, destinations: Iterable<string>): void {
  for (const destination of new Set(destinations)) {
    const first = tx.get<{ due_at: number }>(
      `SELECT due_at FROM entries WHERE destination = ? AND state IN ('waiting', 'leased') ORDER BY due_at LIMIT 1`,
      destination,
    )
    if (first) {
      tx.run('INSERT OR REPLACE INTO lanes (destination, due_at) VALUES (?, ?)', destination, first.due_at)
    } else tx.run('DELETE FROM lanes WHERE destination = ?', destination)
  }
}

/** {@link LeaseRequest} with what a thread can be sent. */
export type LeaseOrder = Omit<LeaseRequest, 'except'> & { readonly except: readonly string[] }

interface Lane {
  readonly destination: string
  due_at: number
  transactions: number
}

/** Takes one transaction after another of the lane that is due first, until the limit. */
export function leaseEntries(tx: Transaction, order: LeaseOrder): LeasedEntry[] {
  tx.sees(order.now)
  holdExpired(tx, order.now)
  const { limit, perDestination = Number.POSITIVE_INFINITY } = order
  const lanes = dueLanes(tx, order)
  const touched = new Set<string>()
  const leased: LeasedEntry[] = []
  for (let total = 0; total < limit; total++) {
    const lane = lanes.shift()
    if (!lane || lane.transactions >= perDestination) break
    touched.add(lane.destination)
    leased.push(...takeTransaction(tx, lane.destination, order))
    lane.transactions++
    const next = firstDue(tx, lane.destination, order.now)
    if (next && lane.transactions < perDestination) putBack(lanes, { ...lane, due_at: next.due_at })
  }
  settleLanes(tx, touched)
  return leased
}

function dueLanes(tx: Transaction, { now, limit, except, perDestination = 1 }: LeaseOrder): Lane[] {
  if (limit <= 0 || perDestination <= 0) return []
  const passedOver = new Set(except)
  return tx
    .all<{ destination: string; due_at: number }>(
      'SELECT destination, due_at FROM lanes WHERE due_at <= ? ORDER BY due_at LIMIT ?',
      now,
      Math.min(limit + passedOver.size, Number.MAX_SAFE_INTEGER),
    )
    .filter(({ destination }) => !passedOver.has(destination))
    .map(lane => ({ ...lane, transactions: 0 }))
}

function putBack(lanes: Lane[], lane: Lane): void {
  const index = lanes.findIndex(other => other.due_at > lane.due_at)
  lanes.splice(index < 0 ? lanes.length : index, 0, lane)
}

function firstDue(tx: Transaction, destination: string, now: number) {
  return tx.get<{ message: number; due_at: number }>(
    `SELECT message, due_at FROM entries
     WHERE destination = ? AND state IN ('waiting', 'leased') AND due_at <= ? ORDER BY due_at, id LIMIT 1`,
    destination,
    now,
  )
}

/** Leases the entry of a destination that is due first, and those of its message that are due there too. */
function takeTransaction(
  tx: Transaction,
  destination: string,
  { now, expiresAt }: LeaseOrder,
): LeasedEntry[] {
  const first = firstDue(tx, destination, now)
  if (!first) return []
  const rows = tx.all<EntryRow>(
    `SELECT * FROM entries INDEXED BY entries_by_message
     WHERE message = ? AND destination = ? AND state IN ('waiting', 'leased') AND due_at <= ?
     ORDER BY due_at, id LIMIT ?`,
    first.message,
    destination,
    now,
    mostPerTransaction,
  )
  return rows.map(row => leaseRow(tx, row, expiresAt))
}

function leaseRow(tx: Transaction, row: EntryRow, expiresAt: number): LeasedEntry {
  const token = randomUUID()
  tx.run(
    `UPDATE entries SET state = 'leased', token = ?, due_before = due_at, due_at = ?, attempts = attempts + 1
     WHERE id = ?`,
    token,
    expiresAt,
    row.id,
  )
  const entry = queueEntry({ ...row, state: 'leased', due_at: expiresAt, attempts: row.attempts + 1 })
  return { ...entry, token }
}

/** A process died during the last attempt of an entry that was to be held after it. */
function holdExpired(tx: Transaction, now: number): void {
  const expired = tx.all<EntryRow>('SELECT * FROM entries WHERE hold_after = 1 AND due_at <= ?', now)
  for (const row of expired) endLease(tx, row, { state: 'waiting' })
  settleLanes(
    tx,
    expired.map(row => row.destination),
  )
}

/** Gives the ids whose lease was lost. */
export function renewLeases(tx: Transaction, leases: readonly LeaseRef[], expiresAt: number): string[] {
  const lost: string[] = []
  const destinations: string[] = []
  for (const lease of leases) {
    const row = leasedRow(tx, lease)
    if (!row) lost.push(lease.id)
    else {
      tx.run('UPDATE entries SET due_at = ? WHERE id = ?', expiresAt, row.id)
      destinations.push(row.destination)
    }
  }
  settleLanes(tx, destinations)
  return lost
}

export function giveBackLeases(tx: Transaction, leases: readonly LeaseRef[]): void {
  const rows = leases.map(lease => leasedRow(tx, lease)).filter(row => row !== undefined)
  for (const row of rows) {
    endLease(tx, row, { state: 'waiting', due_at: row.due_before, attempts: row.attempts - 1 })
  }
  settleLanes(
    tx,
    rows.map(row => row.destination),
  )
  if (rows.length > 0) tx.changes.queue()
}

function leasedRow(tx: Transaction, { id, token }: LeaseRef): EntryRow | undefined {
  const row = entryById(tx, id)
  return row?.state === 'leased' && row.token === token ? row : undefined
}

/** Ids of entries whose lease is lost. @throws MailError `OPTION_INVALID` when an entry is named twice. */
export function lostLeases(tx: Transaction, entries: readonly SettledEntry[]): string[] {
  if (new Set(entries.map(entry => entry.id)).size < entries.length) {
    throw new MailError('OPTION_INVALID', 'settle: an entry is named twice')
  }
  return entries.filter(entry => !leasedRow(tx, entry)).map(entry => entry.id)
}

/** Records what became of entries whose leases hold. */
export function settleEntries(tx: Transaction, entries: readonly SettledEntry[]): void {
  const destinations: string[] = []
  for (const entry of entries) {
    const row = leasedRow(tx, entry)
    if (!row) continue
    destinations.push(row.destination)
    settleEntry(tx, row, entry)
  }
  settleLanes(tx, destinations)
}

function settleEntry(tx: Transaction, row: EntryRow, { attempt, next }: SettledEntry): void {
  if (next.state === 'done') {
    removeEntry(tx, row)
    return
  }
  const history = appendAttempt(row.history, attempt)
  if (next.state === 'dead') {
    endLease(tx, row, { state: 'dead', problem: next.problem, history })
    return
  }
  const warned = Number(next.warned ?? row.warned === 1)
  endLease(tx, row, { state: 'waiting', due_at: next.dueAt, warned, history })
  tx.changes.queue()
}

function appendAttempt(history: string, attempt: AttemptRecord): string {
  return JSON.stringify([...(JSON.parse(history) as AttemptRecord[]).slice(1 - longestHistory), attempt])
}

function endLease(tx: Transaction, row: EntryRow, changes: Partial<EntryRow> & { state: QueueState }): void {
  const held = row.hold_after === 1 && changes.state === 'waiting'
  const after = { ...row, problem: null, ...changes }
  tx.run(
    `UPDATE entries SET state = ?, due_at = ?, attempts = ?, warned = ?, problem = ?, history = ?, hold_after = 0,
       token = NULL WHERE id = ?`,
    held ? 'held' : after.state,
    after.due_at,
    after.attempts,
    after.warned,
    after.problem,
    after.history,
    row.id,
  )
}

function removeEntry(tx: Transaction, row: EntryRow): void {
  tx.run('DELETE FROM entries WHERE id = ?', row.id)
  releaseBlob(tx, row.blob)
}

export function holdEntries(tx: Transaction, ids: readonly string[]): string[] {
  const rows = findEntries(tx, ids)
  for (const row of rows) {
    if (row.state === 'leased') tx.run('UPDATE entries SET hold_after = 1 WHERE id = ?', row.id)
    else if (row.state === 'waiting') tx.run(`UPDATE entries SET state = 'held' WHERE id = ?`, row.id)
  }
  settleLanes(
    tx,
    rows.map(row => row.destination),
  )
  return rows.map(row => entryId.of(row.id))
}

export function releaseEntries(tx: Transaction, ids: readonly string[], dueAt: number): string[] {
  const rows = findEntries(tx, ids).filter(row => row.state !== 'leased' || row.hold_after === 1)
  for (const row of rows) {
    if (row.state === 'leased') tx.run('UPDATE entries SET hold_after = 0 WHERE id = ?', row.id)
    else {
      tx.run(`UPDATE entries SET state = 'waiting', due_at = ?, problem = NULL WHERE id = ?`, dueAt, row.id)
      tx.changes.queue()
    }
  }
  settleLanes(
    tx,
    rows.map(row => row.destination),
  )
  return rows.map(row => entryId.of(row.id))
}

export function dropEntries(tx: Transaction, ids: readonly string[]): string[] {
  const rows = findEntries(tx, ids)
  for (const row of rows) removeEntry(tx, row)
  settleLanes(
    tx,
    rows.map(row => row.destination),
  )
  return rows.map(row => entryId.of(row.id))
}

function findEntries(tx: Transaction, ids: readonly string[]): EntryRow[] {
  return [...new Set(ids)].map(id => entryById(tx, id)).filter(row => row !== undefined)
}
