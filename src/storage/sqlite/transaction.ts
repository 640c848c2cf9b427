import type { StorageChange } from '../storage.js'
import type { Appending } from './append-messages.js'
import type { LaneKey } from './lanes.js'
import type { SqliteDatabase } from './sqlite-database.js'
import { Statements } from './sqlite-database.js'

type MessagesChange = Extract<StorageChange, { kind: 'messages' }>

/** What a command changed, to be told after the commit. */
export class Changes {
  readonly #mailboxes = new Map<number, MessagesChange>()
  readonly #accounts = new Set<string>()
  #dueAt: number | undefined

  /** Messages of a mailbox changed; `before` has its counters from before. */
  messages(row: number, change: Omit<MessagesChange, 'kind'>): void {
    const first = this.#mailboxes.get(row)
    this.#mailboxes.set(row, { kind: 'messages', ...change, before: first?.before ?? change.before })
  }

  mailboxesOf(account: string): void {
    this.#accounts.add(account)
  }

  /** An entry waits until `dueAt` now. */
  queue(dueAt: number): void {
    this.#dueAt = Math.min(this.#dueAt ?? dueAt, dueAt)
  }

  /** Adds what another command of the same commit changed. */
  merge(other: Changes): void {
    for (const account of other.#accounts) this.#accounts.add(account)
    for (const [row, { kind, ...change }] of other.#mailboxes) this.messages(row, change)
    if (other.#dueAt !== undefined) this.queue(other.#dueAt)
  }

  list(): StorageChange[] {
    const changes: StorageChange[] = []
    for (const account of this.#accounts) changes.push({ kind: 'mailboxes', account })
    changes.push(...this.#mailboxes.values())
    if (this.#dueAt !== undefined) changes.push({ kind: 'queue', dueAt: this.#dueAt })
    return changes
  }
}

/** The transaction that commands of a group run in, one after another. */
export class Transaction extends Statements {
  /** Of the command that runs. */
  changes = new Changes()
  /** The latest instant that a command of the group carried. */
  now = Number.NEGATIVE_INFINITY
  /** Batches accepted since the transaction began. */
  accepted = 0
  /** Rows of blobs that are taken and not used yet. */
  reserved = { next: 0, end: 0 }
  /** Lanes whose entries changed, by a key of each: they are brought in line with them once a group. */
  readonly touchedLanes = new Map<string, LaneKey>()
  /** Mailboxes that messages were appended to, by account and name: their counters are written once a group. */
  readonly appending = new Map<string, Appending>()
  /** Rows of blobs whose references entries gave up: they are taken back once a group. */
  readonly released: number[] = []

  constructor(readonly database: SqliteDatabase) {
    super(database)
  }

  /** Notes an instant: what is left to expire is judged by those that pass by. */
  sees(instant: number): void {
    this.now = Math.max(this.now, instant)
  }

  /** A transaction began: what another one left to be done went with it. */
  begun(): void {
    this.now = Number.NEGATIVE_INFINITY
    this.accepted = 0
    this.touchedLanes.clear()
    this.appending.clear()
    this.released.length = 0
  }

  /** What was reserved may have been taken back with what failed. */
  failed(): void {
    this.reserved = { next: 0, end: 0 }
  }
}
