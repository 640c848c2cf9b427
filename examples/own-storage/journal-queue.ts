import { randomUUID } from 'node:crypto'
import {
  type AcceptBatch,
  type AcceptResult,
  LeaseBudget,
  type LeasedEntry,
  type LeaseRef,
  type LeaseRequest,
  MailError,
  type NewRecord,
  type QueueCounts,
  type QueuedMessage,
  type QueueEntry,
  type QueueFilter,
  type QueueStorage,
  type SettledEntry,
  type Settlement,
  type SettleResult,
  senderOf,
} from 'posthorn'
import type { StagedBlob } from './blob-files.ts'
import type { Shared } from './journal-mail.ts'
import { forgetRecords, keepRecords } from './journal-records.ts'
import { type EntryRow, nextNumber, type Tables } from './rows.ts'

/** RFC 5321 §4.5.3.1.8. */
const mostTogether = 100
const longestHistory = 50

/** Writes the messages of batches, runs `commit` with what stores them, and clears away what was not stored. */
export type WithBatches = <Result>(
  batches: readonly AcceptBatch[],
  commit: (store: () => AcceptResult[]) => Result,
) => Promise<Result>

/** The queue. Methods that begin with `#` run within a commit. */
export class JournalQueue implements QueueStorage {
  readonly #shared: Shared
  readonly #tables: Tables
  readonly #withBatches: WithBatches

  constructor(shared: Shared, withBatches: WithBatches) {
    this.#shared = shared
    this.#tables = shared.tables
    this.#withBatches = withBatches
  }

  lease(request: LeaseRequest): Promise<LeasedEntry[]> {
    return this.#shared.work.do(() => {
      forgetRecords(this.#tables, request.now)
      for (const entry of this.#due(request.now)) if (entry.holdAfter) this.#end(entry, { state: 'waiting' })
      return this.#choose(request).map(entry => {
        const token = randomUUID()
        const attempts = entry.attempts + 1
        const leased = {
          state: 'leased',
          dueAt: request.expiresAt,
          attempts,
          token,
          dueBefore: entry.dueAt,
        } as const
        return { ...toEntry(this.#put(entry, leased)), token }
      })
    })
  }

  /** Entries to lease, those that come along behind their first. */
  #choose(request: LeaseRequest): EntryRow[] {
    const due = this.#due(request.now).filter(entry => !request.exceptSenders?.has(senderOf(entry)))
    const together = groupByTransaction(due)
    const budget = new LeaseBudget(request)
    const chosen = new Set<EntryRow>()
    let transactions = 0
    for (const entry of due) {
      if (transactions >= request.limit) break
      if (chosen.has(entry) || !budget.take(entry.destination)) continue
      const mates = together.get(transactionOf(entry)) ?? []
      for (const mate of mates.splice(0, mostTogether)) chosen.add(mate)
      transactions++
    }
    return [...chosen]
  }

  /** What waits, or has a lease that ran out, in the order of `dueAt`. */
  #due(now: number): EntryRow[] {
    return [...this.#tables.entries.rows()]
      .filter(entry => isActive(entry) && entry.dueAt <= now)
      .sort((a, b) => a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1))
  }

  renew(leases: readonly LeaseRef[], expiresAt: number): Promise<string[]> {
    return this.#shared.work.do(() => {
      const lost: string[] = []
      for (const lease of leases) {
        const entry = this.#leased(lease)
        if (entry) this.#put(entry, { dueAt: expiresAt })
        else lost.push(lease.id)
      }
      return lost
    })
  }

  giveBack(leases: readonly LeaseRef[]): Promise<void> {
    return this.#shared.work.do(() => {
      for (const lease of leases) {
        const entry = this.#leased(lease)
        if (!entry) continue
        const { dueBefore: dueAt = entry.dueAt } = entry
        this.#end(entry, { state: 'waiting', dueAt, attempts: entry.attempts - 1 })
      }
    })
  }

  settle({ entries, accept = [], records = [] }: Settlement): Promise<SettleResult> {
    if (new Set(entries.map(({ id }) => id)).size < entries.length) {
      return Promise.reject(new MailError('OPTION_INVALID', 'settle: an entry is named twice'))
    }
    const lostOf = () => entries.filter(entry => !this.#leased(entry)).map(({ id }) => id)
    return this.#shared.work.enter(async () => {
      const lost = await this.#shared.work.commit(lostOf)
      if (lost.length > 0) return { settled: false, lost }
      return this.#withBatches(accept, (store): SettleResult => {
        // A lease may have been lost while the messages to accept were written.
        const lost = lostOf()
        if (lost.length > 0) return { settled: false, lost }
        const accepted = store()
        for (const entry of entries) this.#settleOne(entry)
        keepRecords(this.#tables, records)
        return { settled: true, accepted }
      })
    })
  }

  #settleOne(settled: SettledEntry): void {
    const entry = this.#leased(settled)
    if (!entry) return
    const { next } = settled
    const history = [...entry.history, settled.attempt].slice(-longestHistory)
    if (next.state === 'done') this.#remove(entry)
    else if (next.state === 'dead') this.#end(entry, { ...next, history })
    else this.#end(entry, { ...next, warned: next.warned ?? entry.warned, history })
  }

  get(id: string): Promise<QueueEntry | undefined> {
    return this.#shared.work.do(() => {
      const entry = this.#tables.entries.get(id)
      return entry && toEntry(entry)
    })
  }

  list({ after = '', limit = 1_000, ...filter }: QueueFilter = {}): Promise<QueueEntry[]> {
    return this.#shared.work.do(() => {
      const fitting = [...this.#tables.entries.rows()].filter(
        entry => entry.id > after && fits(entry, filter),
      )
      return fitting
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit)
        .map(toEntry)
    })
  }

  nextDue(): Promise<number | undefined> {
    return this.#shared.work.do(() => {
      const active = [...this.#tables.entries.rows()].filter(isActive)
      return active.length === 0
        ? undefined
        : active.reduce((least, { dueAt }) => Math.min(least, dueAt), Infinity)
    })
  }

  counts(): Promise<QueueCounts> {
    return this.#shared.work.do(() => {
      const counts = { waiting: 0, leased: 0, held: 0, dead: 0 }
      for (const { state } of this.#tables.entries.rows()) counts[state]++
      return counts
    })
  }

  hold(ids: readonly string[]): Promise<string[]> {
    return this.#shared.work.do(() => {
      const found = this.#find(ids)
      for (const entry of found) {
        if (entry.state === 'leased') this.#put(entry, { holdAfter: true })
        else if (entry.state === 'waiting') this.#put(entry, { state: 'held' })
      }
      return found.map(({ id }) => id)
    })
  }

  release(ids: readonly string[], dueAt: number): Promise<string[]> {
    return this.#shared.work.do(() => {
      const concerned = this.#find(ids).filter(entry => entry.state !== 'leased' || entry.holdAfter)
      for (const entry of concerned) {
        if (entry.state === 'leased') this.#put(entry, { holdAfter: false })
        else this.#put(entry, { state: 'waiting', dueAt })
        this.#shared.feed.queue()
      }
      return concerned.map(({ id }) => id)
    })
  }

  drop(ids: readonly string[], records?: ReadonlyMap<string, readonly NewRecord[]>): Promise<string[]> {
    return this.#shared.work.do(() => {
      const found = this.#find(ids)
      for (const entry of found) {
        this.#remove(entry)
        keepRecords(this.#tables, records?.get(entry.id) ?? [])
      }
      return found.map(({ id }) => id)
    })
  }

  /** Stores the entries of a batch, within a commit. */
  store(
    message: QueuedMessage,
    { id: batch, receivedAt }: AcceptBatch,
    { id: blob, size }: StagedBlob,
  ): string[] {
    const { recipients, ...shared } = message
    this.#shared.refer(blob, recipients.length)
    if (recipients.length > 0) this.#shared.feed.queue()
    return recipients.map(({ destination, dueAt, held, ...recipient }) => {
      const id = nextNumber(this.#tables, 'entry').toString(36).padStart(10, '0')
      const about = { id, batch, blob, size, ...structuredClone({ ...shared, recipient }), destination }
      const state = held ? ('held' as const) : ('waiting' as const)
      const entry = { ...about, state, queuedAt: receivedAt, dueAt, attempts: 0, history: [], warned: false }
      this.#tables.entries.put(id, entry)
      return id
    })
  }

  #leased({ id, token }: LeaseRef): EntryRow | undefined {
    const entry = this.#tables.entries.get(id)
    return entry?.state === 'leased' && entry.token === token ? entry : undefined
  }

  #find(ids: readonly string[]): EntryRow[] {
    return [...new Set(ids)].map(id => this.#tables.entries.get(id)).filter(entry => entry !== undefined)
  }

  /** Ends a lease. One that was to be held after its attempt is held instead of waiting. */
  #end({ token: _, dueBefore: __, holdAfter, ...entry }: EntryRow, change: Partial<EntryRow>): void {
    const held = holdAfter === true && change.state === 'waiting'
    this.#put(entry, { ...change, ...(held && { state: 'held' as const }) })
    if (!held && change.state === 'waiting') this.#shared.feed.queue()
  }

  #put({ problem: _, ...entry }: EntryRow, change: Partial<EntryRow>): EntryRow {
    const row = structuredClone({ ...entry, ...change })
    this.#tables.entries.put(row.id, row)
    return row
  }

  #remove({ id, blob }: EntryRow): void {
    this.#tables.entries.delete(id)
    this.#shared.refer(blob, -1)
  }
}

/** An entry for the reader alone: who changes it changes nothing here. */
function toEntry({ batch: _, token: __, dueBefore: ___, holdAfter: ____, ...entry }: EntryRow): QueueEntry {
  return structuredClone(entry)
}

/** Entries of one message and destination travel together. */
function transactionOf({ batch, destination }: EntryRow): string {
  return `${batch} ${destination}`
}

function groupByTransaction(entries: readonly EntryRow[]): Map<string, EntryRow[]> {
  const groups = new Map<string, EntryRow[]>()
  for (const entry of entries) {
    const group = groups.get(transactionOf(entry))
    if (group) group.push(entry)
    else groups.set(transactionOf(entry), [entry])
  }
  return groups
}

function isActive({ state }: EntryRow): boolean {
  return state === 'waiting' || state === 'leased'
}

function fits(entry: EntryRow, { state, destination, sender, recipient, traceId }: QueueFilter): boolean {
  return (
    (state === undefined || entry.state === state) &&
    (destination === undefined || entry.destination === destination) &&
    (sender === undefined || entry.envelope.sender === sender) &&
    (recipient === undefined || entry.recipient.address === recipient) &&
    (traceId === undefined || entry.traceId === traceId)
  )
}
