import { randomUUID } from 'node:crypto'
import { expireEntry, leaseEntry } from '../entry-standing.js'
import { LeaseBudget, type LeasedEntry, type LeaseRequest, mostPerTransaction } from '../queue-storage.js'
import { type EntryRow, putStanding, queueEntry, standingOf, type WholeRow, wholeRow } from './entry-rows.js'
import { type LaneKey, settleLanes, touchLanes } from './lanes.js'
import type { Transaction } from './transaction.js'

interface Lane extends LaneKey {
  readonly due_at: number
  /** The message that is due first, where it is known. */
  readonly message?: number
}

/** Takes one transaction after another of the lane that is due first, until the limit. */
export function leaseEntries(tx: Transaction, request: LeaseRequest): LeasedEntry[] {
  tx.sees(request.now)
  holdExpired(tx, request.now)
  const lanes = dueLanes(tx, request)
  const budget = new LeaseBudget(request)
  const touched: Lane[] = []
  const leased: LeasedEntry[] = []
  for (let total = 0; total < request.limit; ) {
    const lane = lanes.shift()
    if (!lane) break
    if (!budget.take(lane.destination)) continue
    touched.push(lane)
    leased.push(...takeTransaction(tx, lane, request))
    total++
    const next = firstDue(tx, lane, request.now)
    if (next) putBack(lanes, { ...lane, ...next })
  }
  touchLanes(tx, touched)
  return leased
}

/** The lanes that the first due transactions within the limits come from, the earliest first. */
function dueLanes(tx: Transaction, request: LeaseRequest): Lane[] {
  const { limit } = request
  if (limit <= 0) return []
  for (let count = Math.min(limit, 1_000) + 32; ; count *= 4) {
    const budget = new LeaseBudget(request)
    const rows = firstLanes(tx, request, count)
    const lanes = rows.filter(({ destination }) => budget.take(destination))
    if (lanes.length >= limit || rows.length < count) return lanes
  }
}

/** The lanes that are due first, but for those of senders at their limit. */
function firstLanes(tx: Transaction, { now, exceptSenders }: LeaseRequest, count: number): Lane[] {
  if (!exceptSenders?.size) {
    return tx.all<Lane>('SELECT * FROM lanes WHERE due_at <= ? ORDER BY due_at LIMIT ?', now, count)
  }
  const sql = 'SELECT * FROM lanes WHERE owner = ? AND due_at <= ? ORDER BY due_at LIMIT ?'
  return owners(tx)
    .filter(owner => !exceptSenders.has(owner))
    .flatMap(owner => tx.all<Lane>(sql, owner, now, count))
    .sort((a, b) => a.due_at - b.due_at)
    .slice(0, count)
}

/** All that have entries; a step of the index each, however many lanes one has. */
function owners(tx: Transaction): string[] {
  const rows = tx.all<{ owner: string }>(
    `WITH RECURSIVE owners (owner) AS (
       SELECT min(owner) FROM lanes
       UNION ALL SELECT (SELECT min(owner) FROM lanes WHERE lanes.owner > owners.owner) FROM owners
         WHERE owners.owner IS NOT NULL
     ) SELECT owner FROM owners WHERE owner IS NOT NULL`,
  )
  return rows.map(({ owner }) => owner)
}

function putBack(lanes: Lane[], lane: Lane): void {
  const index = lanes.findIndex(other => other.due_at > lane.due_at)
  lanes.splice(index < 0 ? lanes.length : index, 0, lane)
}

function firstDue(tx: Transaction, { owner, destination }: LaneKey, now: number) {
  return tx.get<{ message: number; due_at: number }>(
    `SELECT message, due_at FROM entries
     WHERE owner = ? AND destination = ? AND state IN ('waiting', 'leased') AND due_at <= ?
     ORDER BY due_at, id LIMIT 1`,
    owner,
    destination,
    now,
  )
}

/** Leases the entry of a lane that is due first, and those of its message that are due there too. */
function takeTransaction(tx: Transaction, lane: Lane, request: LeaseRequest): LeasedEntry[] {
  const { now, expiresAt, perTransaction = mostPerTransaction } = request
  const rows = perTransaction === 1 ? firstRow(tx, lane, now) : firstRows(tx, lane, now, perTransaction)
  return rows.map(row => leaseRow(tx, row, expiresAt))
}

function firstRows(tx: Transaction, lane: Lane, now: number, most: number): WholeRow[] {
  const message = lane.message ?? firstDue(tx, lane, now)?.message
  if (message === undefined) return []
  return tx.all<WholeRow>(
    `SELECT ${wholeRow} FROM entries INDEXED BY entries_by_message
     WHERE message = ? AND destination = ? AND state IN ('waiting', 'leased') AND due_at <= ?
     ORDER BY due_at, id LIMIT ?`,
    message,
    lane.destination,
    now,
    most,
  )
}

/** One alone: a step of the index, however many recipients its message has. */
function firstRow(tx: Transaction, { owner, destination }: LaneKey, now: number): WholeRow[] {
  return tx.all<WholeRow>(
    `SELECT ${wholeRow} FROM entries
     WHERE owner = ? AND destination = ? AND state IN ('waiting', 'leased') AND due_at <= ?
     ORDER BY due_at, id LIMIT 1`,
    owner,
    destination,
    now,
  )
}

function leaseRow(tx: Transaction, row: WholeRow, expiresAt: number): LeasedEntry {
  const token = randomUUID()
  const standing = leaseEntry(standingOf(row), token, expiresAt)
  putStanding(tx, row, standing)
  const { state, dueAt, attempts } = standing
  return { ...queueEntry({ ...row, state, due_at: dueAt, attempts }), token }
}

/** A process died during the last attempt of an entry that was to be held after it. */
function holdExpired(tx: Transaction, now: number): void {
  const expired = tx.all<EntryRow>('SELECT * FROM entries WHERE hold_after = 1 AND due_at <= ?', now)
  for (const row of expired) putStanding(tx, row, expireEntry(standingOf(row)))
  touchLanes(tx, expired)
  settleLanes(tx)
}
