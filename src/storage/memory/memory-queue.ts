import { MailError } from '../../core/error.js'
import {
  type EntryStanding,
  expireEntry,
  giveBackEntry,
  holdEntry,
  leaseEntry,
  releaseEntry,
  settleEntry,
} from '../entry-standing.js'
import {
  addAttempt,
  fitsQueueFilter,
  type LeasedEntry,
  type LeaseRef,
  type LeaseRequest,
  type QueueCounts,
  type QueueEntry,
  type QueueFilter,
  type QueueStorage,
  type SettledEntry,
  type Settlement,
  type SettleResult,
} from '../queue-storage.js'
import type { NewRecord } from '../record-storage.js'
import type { AcceptBatch, AcceptResult, BlobId } from '../storage.js'
import type { StorageLifetime } from '../storage-lifetime.js'
import type { ChangeFeed } from './change-feed.js'
import type { Commit } from './commit.js'
import { DueIndex } from './due-index.js'
import { frozenCopy } from './frozen-copy.js'
import type { MemoryBlobs } from './memory-blobs.js'
import type { MemoryRecords } from './memory-records.js'
import type { QueueSlot } from './queue-slot.js'
import { SlotList } from './slot-list.js'

/** What the queue needs of the storage around it. */
export interface QueueSurroundings {
  readonly lifetime: StorageLifetime
  readonly blobs: MemoryBlobs
  readonly records: MemoryRecords
  readonly feed: ChangeFeed
  /** Clears away what has expired, as far as the instants that pass by show. */
  sees(instant: number): void
  /** Reads the messages of batches; resolves to what stores them in a commit, or throws before it changes anything. */
  read(batches: readonly AcceptBatch[]): Promise<(commit: Commit) => AcceptResult[]>
}

/**
 * The queue in memory. Slots hold frozen entries, replaced at each change; {@link DueIndex} has those that wait
 * or are leased, {@link SlotList} has all.
 */
export class MemoryQueue implements QueueStorage {
  readonly #around: QueueSurroundings
  readonly #slots = new SlotList()
  readonly #due = new DueIndex()
  readonly #counts = { waiting: 0, leased: 0, held: 0, dead: 0 }
  /** Leased entries that are to be held after their attempt. */
  readonly #holdAfter = new Set<QueueSlot>()
  #lastId = 0
  #lastToken = 0

  constructor(around: QueueSurroundings) {
    this.#around = around
  }

  async lease(request: LeaseRequest): Promise<LeasedEntry[]> {
    this.#around.lifetime.assertOpen()
    this.#around.sees(request.now)
    this.#holdExpired(request.now)
    return this.#due.takeDue(request).map(slot => this.#lease(slot, request.expiresAt))
  }

  #lease(slot: QueueSlot, expiresAt: number): LeasedEntry {
    const token = `t${(++this.#lastToken).toString(36)}`
    this.#change(slot, leaseEntry(slot.entry, token, expiresAt))
    return Object.freeze({ ...slot.entry, token })
  }

  /** A process died during the last attempt of an entry that was to be held after it. */
  #holdExpired(now: number): void {
    for (const slot of this.#holdAfter)
      if (slot.dueAt <= now) this.#change(slot, expireEntry(standingOf(slot)))
  }

  async renew(leases: readonly LeaseRef[], expiresAt: number): Promise<string[]> {
    this.#around.lifetime.assertOpen()
    const lost: string[] = []
    for (const lease of leases) {
      const slot = this.#leased(lease)
      if (slot) this.#change(slot, { ...standingOf(slot), dueAt: expiresAt })
      else lost.push(lease.id)
    }
    return lost
  }

  async giveBack(leases: readonly LeaseRef[]): Promise<void> {
    this.#around.lifetime.assertOpen()
    const commit = this.#around.feed.begin()
    for (const lease of leases) {
      const slot = this.#leased(lease)
      if (!slot) continue
      const standing = giveBackEntry(standingOf(slot))
      this.#change(slot, standing)
      if (standing.state === 'waiting') commit.changedQueue(standing.dueAt)
    }
    this.#around.feed.publish(commit)
  }

  async settle(settlement: Settlement): Promise<SettleResult> {
    this.#around.lifetime.assertOpen()
    const early = this.#lost(settlement.entries)
    if (early.length > 0) return { settled: false, lost: early }
    const store = await this.#around.read(settlement.accept ?? [])
    // Leases may have been lost while the messages to accept were read.
    const lost = this.#lost(settlement.entries)
    if (lost.length > 0) return { settled: false, lost }
    const settled = settlement.entries.map(entry => frozenCopy(entry))
    const commit = this.#around.feed.begin()
    const accepted = store(commit)
    for (const entry of settled) this.#settleEntry(entry, commit)
    if (settlement.records) this.#around.records.keep(settlement.records)
    this.#around.feed.publish(commit)
    return { settled: true, accepted }
  }

  #lost(entries: readonly SettledEntry[]): string[] {
    if (new Set(entries.map(entry => entry.id)).size < entries.length) {
      throw new MailError('OPTION_INVALID', 'settle: an entry is named twice')
    }
    return entries.filter(entry => !this.#leased(entry)).map(entry => entry.id)
  }

  #settleEntry(settled: SettledEntry, commit: Commit): void {
    const slot = this.#slots.get(settled.id)
    if (!slot) return
    const standing = settleEntry(standingOf(slot), settled)
    if (!standing) {
      this.#remove(slot)
      return
    }
    const history = Object.freeze(addAttempt(slot.entry.history, settled.attempt))
    this.#change(slot, standing, history)
    if (standing.state === 'waiting') commit.changedQueue(standing.dueAt)
  }

  async get(id: string): Promise<QueueEntry | undefined> {
    this.#around.lifetime.assertOpen()
    return this.#slots.get(id)?.entry
  }

  async list(filter: QueueFilter = {}): Promise<QueueEntry[]> {
    this.#around.lifetime.assertOpen()
    const { limit = 1_000, after = '' } = filter
    const entries: QueueEntry[] = []
    if (limit <= 0) return entries
    for (const { entry } of this.#slots.after(after)) {
      if (!fitsQueueFilter(entry, filter)) continue
      entries.push(entry)
      if (entries.length >= limit) break
    }
    return entries
  }

  async nextDue(): Promise<number | undefined> {
    this.#around.lifetime.assertOpen()
    return this.#due.nextDue()
  }

  async counts(): Promise<QueueCounts> {
    this.#around.lifetime.assertOpen()
    return { ...this.#counts }
  }

  async hold(ids: readonly string[]): Promise<string[]> {
    this.#around.lifetime.assertOpen()
    const found = this.#find(ids)
    for (const slot of found) {
      const standing = holdEntry(standingOf(slot))
      if (standing) this.#change(slot, standing)
    }
    return found.map(slot => slot.entry.id)
  }

  async release(ids: readonly string[], dueAt: number): Promise<string[]> {
    this.#around.lifetime.assertOpen()
    const commit = this.#around.feed.begin()
    const concerned: string[] = []
    for (const slot of this.#find(ids)) {
      const standing = releaseEntry(standingOf(slot), dueAt)
      if (!standing) continue
      this.#change(slot, standing)
      if (standing.state === 'waiting') commit.changedQueue(dueAt)
      concerned.push(slot.entry.id)
    }
    this.#around.feed.publish(commit)
    return concerned
  }

  async drop(ids: readonly string[], records?: ReadonlyMap<string, readonly NewRecord[]>): Promise<string[]> {
    this.#around.lifetime.assertOpen()
    const found = this.#find(ids)
    for (const slot of found) {
      this.#remove(slot)
      this.#around.records.keep(records?.get(slot.entry.id) ?? [])
    }
    return found.map(slot => slot.entry.id)
  }

  /** Puts new slots into the queue; gives their ids. Nothing in it fails. */
  store(slots: readonly QueueSlot[], blob: BlobId, size: number, commit: Commit): string[] {
    for (const slot of slots) {
      slot.order = ++this.#lastId
      const id = `q${slot.order.toString(36).padStart(8, '0')}`
      slot.entry = Object.freeze({ ...slot.entry, id, blob, size })
      this.#counts[slot.entry.state]++
      this.#slots.append(slot)
      if (slot.entry.state !== 'waiting') continue
      this.#due.put(slot)
      commit.changedQueue(slot.dueAt)
    }
    this.#around.blobs.refer(blob, slots.length)
    return slots.map(slot => slot.entry.id)
  }

  #leased(lease: LeaseRef): QueueSlot | undefined {
    const slot = this.#slots.get(lease.id)
    return slot?.lease && slot.lease.token === lease.token ? slot : undefined
  }

  #find(ids: readonly string[]): QueueSlot[] {
    return [...new Set(ids)].map(id => this.#slots.get(id)).filter(slot => slot !== undefined)
  }

  #change(slot: QueueSlot, { lease, ...standing }: EntryStanding, history = slot.entry.history): void {
    const { problem, ...before } = slot.entry
    const entry: QueueEntry = Object.freeze({ ...before, ...standing, history })
    slot.lease = lease
    if (lease?.holdAfter) this.#holdAfter.add(slot)
    else this.#holdAfter.delete(slot)
    this.#counts[before.state]--
    this.#counts[entry.state]++
    slot.entry = entry
    slot.dueAt = entry.dueAt
    if (entry.state === 'waiting' || entry.state === 'leased') this.#due.put(slot)
    else this.#due.remove(slot)
  }

  #remove(slot: QueueSlot): void {
    this.#counts[slot.entry.state]--
    slot.lease = undefined
    slot.mates?.delete(slot)
    this.#holdAfter.delete(slot)
    this.#due.remove(slot)
    this.#slots.remove(slot)
    this.#around.blobs.release(slot.entry.blob)
  }
}

function standingOf({ entry, lease }: QueueSlot): EntryStanding {
  const { state, dueAt, attempts, warned } = entry
  return { state, dueAt, attempts, warned, ...(lease && { lease }) }
}
