import { randomUUID } from 'node:crypto'
import {
  type AcceptBatch,
  type AcceptResult,
  LeaseBudget,
  type LeaseRef,
  type LeaseRequest,
  longestHistory,
  MailError,
  type QueuedMessage,
  type QueueEntry,
  type QueueStorage,
  type Settlement,
  type SettleResult,
  senderOf,
} from 'posthorn'
import type { Calls } from './journal.ts'
import { forgetRecords, keepRecords } from './record-calls.ts'
import { type EntryRow, nextNumber, type Tables } from './tables.ts'

/** RFC 5321 §4.5.3.1.8. */
const mostTogether = 100

/** What the calls of `QueueStorage` do, each within one commit. */
export function queueCalls(tables: Tables): Calls<Omit<QueueStorage, 'settle'>> {
  const { entries } = tables
  const find = (ids: readonly string[]) =>
    [...new Set(ids)].map(id => entries.get(id)).filter(entry => entry !== undefined)
  return {
    lease(request) {
      forgetRecords(tables, request.now)
      for (const row of due(tables, request.now)) if (row.holdAfter) end(tables, row, { state: 'waiting' })
      return choose(due(tables, request.now), request).map(row => {
        const lease = { state: 'leased', dueAt: request.expiresAt, attempts: row.attempts + 1 } as const
        const token = randomUUID()
        entries.put(row.id, { ...row, ...lease, token, dueBefore: row.dueAt })
        return { ...toEntry(row), ...lease, token }
      })
    },

    renew(leases, dueAt) {
      const lost = lostOf(tables, leases)
      for (const row of find(leases.map(({ id }) => id)))
        if (!lost.includes(row.id)) entries.put(row.id, { ...row, dueAt })
      return lost
    },

    giveBack(leases) {
      const lost = lostOf(tables, leases)
      for (const row of find(leases.map(({ id }) => id))) {
        const { dueBefore: dueAt = row.dueAt, attempts } = row
        if (!lost.includes(row.id)) end(tables, row, { state: 'waiting', dueAt, attempts: attempts - 1 })
      }
    },

    get(id) {
      const row = entries.get(id)
      return row && toEntry(row)
    },

    list({ after = '', limit = 1_000, ...filter } = {}) {
      const wanted = Object.entries(filter).filter(([, value]) => value !== undefined)
      const found = entries.rows().filter(row => {
        const is = { ...row, sender: row.envelope.sender, recipient: row.recipient.address }
        return row.id > after && wanted.every(([name, value]) => is[name as keyof typeof filter] === value)
      })
      return found.sort(byId).slice(0, limit).map(toEntry)
    },

    nextDue: () => due(tables, Number.POSITIVE_INFINITY)[0]?.dueAt,

    counts() {
      const counts = { waiting: 0, leased: 0, held: 0, dead: 0 }
      for (const { state } of entries.rows()) counts[state]++
      return counts
    },

    hold(ids) {
      return find(ids).map(row => {
        if (row.state === 'leased') entries.put(row.id, { ...row, holdAfter: true })
        if (row.state === 'waiting') entries.put(row.id, { ...row, state: 'held' })
        return row.id
      })
    },

    release(ids, dueAt) {
      const concerned = find(ids).filter(row => row.state !== 'leased' || row.holdAfter)
      return concerned.map(({ problem: _, ...row }) => {
        const isLeased = row.state === 'leased'
        entries.put(row.id, isLeased ? { ...row, holdAfter: false } : { ...row, state: 'waiting', dueAt })
        return row.id
      })
    },

    drop(ids, records) {
      return find(ids).map(({ id }) => {
        entries.delete(id)
        keepRecords(tables, records?.get(id) ?? [])
        return id
      })
    },
  }
}

/** Settles and accepts, or names the leases that were lost. */
export function settle(
  tables: Tables,
  { entries: settled, records = [] }: Settlement,
  accept: () => AcceptResult[],
): SettleResult {
  const lost = lostOf(tables, settled)
  if (lost.length > 0) return { settled: false, lost }
  const accepted = accept()
  for (const { id, token, attempt, next } of settled) {
    const row = tables.entries.get(id)
    if (row?.token !== token) throw new MailError('OPTION_INVALID', 'settle: an entry is named twice')
    const record = attempt
      ? { history: [...row.history, attempt].slice(-longestHistory) }
      : { attempts: row.attempts - 1 }
    if (next.state === 'done') tables.entries.delete(id)
    else end(tables, row, { ...next, ...record })
  }
  keepRecords(tables, records)
  return { settled: true, accepted }
}

/** Stores the entries of a batch. */
export function enqueue(
  tables: Tables,
  { recipients, ...message }: QueuedMessage,
  { id: batch, receivedAt: queuedAt }: AcceptBatch,
  { id: blob, size }: { id: string; size: number },
): string[] {
  return recipients.map(({ destination, dueAt, held, ...recipient }) => {
    const id = nextNumber(tables, 'entry').toString(36).padStart(10, '0')
    const about = { ...message, id, batch, blob, size, recipient, destination, queuedAt, dueAt }
    const state = held ? 'held' : 'waiting'
    tables.entries.put(id, { ...about, state, attempts: 0, history: [], warned: false })
    return id
  })
}

/** What waits, or has a lease that ran out, in the order of `dueAt`. */
function due({ entries }: Tables, now: number): EntryRow[] {
  return entries
    .rows()
    .filter(({ state, dueAt }) => (state === 'waiting' || state === 'leased') && dueAt <= now)
    .sort((a, b) => a.dueAt - b.dueAt || byId(a, b))
}

/** Those to lease, each with those of its message and destination. */
function choose(due: readonly EntryRow[], request: LeaseRequest): EntryRow[] {
  const budget = new LeaseBudget(request)
  const chosen = new Set<EntryRow>()
  let transactions = 0
  for (const first of due) {
    if (transactions >= request.limit || chosen.has(first)) continue
    if (request.exceptSenders?.has(senderOf(first)) || !budget.take(first.destination)) continue
    const isMate = (row: EntryRow) => row.batch === first.batch && row.destination === first.destination
    const together = due.filter(row => isMate(row) && !chosen.has(row))
    for (const row of together.slice(0, request.perTransaction ?? mostTogether)) chosen.add(row)
    transactions++
  }
  return [...chosen]
}

/** Ids of those whose lease does not hold any more. */
function lostOf({ entries }: Tables, leases: readonly LeaseRef[]): string[] {
  return leases.filter(({ id, token }) => entries.get(id)?.token !== token).map(({ id }) => id)
}

/** Ends a lease. What was to be held after the attempt is held instead of waiting. */
function end({ entries }: Tables, row: EntryRow, change: Partial<EntryRow>): void {
  const held = row.holdAfter && change.state === 'waiting'
  entries.put(row.id, { ...toEntry(row), batch: row.batch, ...change, ...(held && { state: 'held' }) })
}

function toEntry({ batch: _, token: __, dueBefore: ___, holdAfter: ____, ...entry }: EntryRow): QueueEntry {
  return entry
}

function byId(a: QueueEntry, b: QueueEntry): number {
  return a.id < b.id ? -1 : 1
}
