import { randomUUID } from 'node:crypto'
import {
  addAttempt,
  chooseDue,
  type EntryStanding,
  expireEntry,
  fitsQueueFilter,
  giveBackEntry,
  holdEntry,
  type LeaseRef,
  leaseEntry,
  MailError,
  type QueueEntry,
  type QueueStorage,
  releaseEntry,
  settleEntry,
} from 'posthorn'
import { acceptBatch } from './accept-batch.ts'
import type { Calls } from './journal.ts'
import { keepRecords } from './record-calls.ts'
import type { EntryRow, Tables } from './tables.ts'

/** What the calls of `QueueStorage` do, each within one commit; the messages that a settlement accepts are stored already. */
export function queueCalls(tables: Tables): Calls<QueueStorage> {
  const { entries } = tables
  const find = (ids: readonly string[]) => [...new Set(ids)].flatMap(id => entries.get(id) ?? [])
  const holds = ({ id, token }: LeaseRef) => entries.get(id)?.lease?.token === token
  const held = (leases: readonly LeaseRef[]) => find(leases.filter(holds).map(({ id }) => id))
  const lost = (leases: readonly LeaseRef[]) => leases.filter(lease => !holds(lease)).map(({ id }) => id)
  const put = ({ lease: _, problem: __, ...row }: EntryRow, standing: EntryStanding) => {
    entries.set(row.id, { ...row, ...standing })
    return toEntry({ ...row, ...standing })
  }
  return {
    lease(request) {
      tables.forget(request.now)
      for (const row of entries.values())
        if (row.lease?.holdAfter && row.dueAt <= request.now) put(row, expireEntry(row))
      return chooseDue(entries.values(), request, ({ batch }) => batch).map(row => {
        const token = randomUUID()
        return { ...put(row, leaseEntry(row, token, request.expiresAt)), token }
      })
    },
    renew(leases, dueAt) {
      for (const row of held(leases)) put(row, { ...row, dueAt })
      return lost(leases)
    },
    giveBack(leases) {
      for (const row of held(leases)) put(row, giveBackEntry(row))
    },
    settle({ entries: settled, accept = [], records = [] }) {
      if (lost(settled).length > 0) return { settled: false, lost: lost(settled) }
      const accepted = accept.map(batch => acceptBatch(tables, batch))
      for (const entry of settled) {
        const [row] = held([entry])
        if (!row) throw new MailError('OPTION_INVALID', 'settle: an entry is named twice')
        const standing = settleEntry(row, entry)
        if (standing) put({ ...row, history: addAttempt(row.history, entry.attempt) }, standing)
        else entries.delete(row.id)
      }
      keepRecords(tables, records)
      return { settled: true, accepted }
    },
    get: id => find([id]).map(toEntry)[0],
    list(filter = {}) {
      const { after = '', limit = 1_000 } = filter
      const found = [...entries.values()].filter(row => row.id > after && fitsQueueFilter(row, filter))
      return found.slice(0, limit).map(toEntry)
    },
    nextDue() {
      const pending = [...entries.values()].filter(({ state }) => state === 'waiting' || state === 'leased')
      return pending.map(({ dueAt }) => dueAt).sort((a, b) => a - b)[0]
    },
    counts() {
      const counts = { waiting: 0, leased: 0, held: 0, dead: 0 }
      for (const row of entries.values()) counts[row.state]++
      return counts
    },
    hold: ids => find(ids).map(row => put(row, holdEntry(row) ?? row).id),
    release(ids, dueAt) {
      return find(ids).flatMap(row => {
        const standing = releaseEntry(row, dueAt)
        return standing ? put(row, standing).id : []
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

function toEntry({ batch: _, lease: __, ...entry }: EntryRow): QueueEntry {
  return entry
}
