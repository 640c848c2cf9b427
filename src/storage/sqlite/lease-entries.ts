import { randomUUID } from 'node:crypto'
import type { LeasedEntry, LeaseRequest } from '../queue-storage.js'
import { endLease } from './entry-changes.js'
import { type EntryRow, queueEntry } from './entry-rows.js'
import { settleLanes } from './lanes.js'
import type { Transaction } from './transaction.js'

/** RFC 5321 §4.5.3.1.8: a server must take 100 recipients in one transaction; more are a risk. */
const mostPerTransaction = 100

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
