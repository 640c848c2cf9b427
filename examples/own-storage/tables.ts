import type { AcceptResult, Lease, MailboxRecord, MessageRecord, QueueEntry, StoredRecord } from 'posthorn'
import type { BlobFiles } from './blob-files.ts'

/** A mailbox, but for what its messages tell. */
export type MailboxRow = Omit<MailboxRecord, 'messages' | 'unseen' | 'bytes' | 'uidNext' | 'highestModseq'>

/** A message in a mailbox. Its row stays when it is expunged, so that UIDs and MODSEQs only grow. */
export type MessageRow = Omit<MessageRecord, 'prefix'> & {
  readonly mailbox: string
  /** In base64. */
  readonly prefix: string
  readonly isGone?: boolean
}

/** A queue entry with what is nobody else's business. */
export type EntryRow = QueueEntry & {
  /** Entries of one batch and destination travel together. */
  readonly batch: string
  readonly lease?: Lease
}

/** A row that was put into a table, or `null` for one that went. */
type RowChange = readonly [table: string, key: string, row: unknown]

/** All that is kept but for the bytes in files: rows by their key, in the order they came, replaced and never changed. */
export class Tables {
  readonly #all = new Map<string, Map<string, unknown>>()
  readonly mailboxes = this.#table<MailboxRow>('mailboxes')
  readonly messages = this.#table<MessageRow>('messages')
  readonly entries = this.#table<EntryRow>('entries')
  readonly batches = this.#table<{ result: AcceptResult; expiresAt: number }>('batches')
  readonly locks = this.#table<{ owner: string; expiresAt: number }>('locks')
  readonly records = this.#table<StoredRecord>('records')
  readonly counters = this.#table<number>('counters')

  constructor(readonly files: BlobFiles) {}

  #table<Row>(name: string): Map<string, Row> {
    const rows = new Map<string, Row>()
    this.#all.set(name, rows)
    return rows
  }

  /** What makes these of those before. */
  changesSince(before: Tables): RowChange[] {
    return [...this.#all].flatMap(([name, rows]) => {
      const old: ReadonlyMap<string, unknown> = before.#all.get(name) ?? new Map()
      const keys = new Set([...rows.keys(), ...old.keys()])
      const changed = [...keys].filter(key => rows.get(key) !== old.get(key))
      return changed.map((key): RowChange => [name, key, rows.get(key) ?? null])
    })
  }

  apply(changes: readonly RowChange[]): this {
    for (const [name, key, row] of changes)
      if (row === null) this.#all.get(name)?.delete(key)
      else this.#all.get(name)?.set(key, row)
    return this
  }

  /** The same rows in tables of their own. */
  copy(): Tables {
    const empty = new Tables(this.files)
    return empty.apply(this.changesSince(empty))
  }

  /** The next number of a series, which is never given again. */
  nextNumber(series: string): number {
    const next = (this.counters.get(series) ?? 0) + 1
    this.counters.set(series, next)
    return next
  }

  /** The blobs that are referred to. */
  blobs(): Set<string> {
    const messages = [...this.messages.values()].filter(({ isGone }) => !isGone)
    return new Set([...messages, ...this.entries.values()].map(({ blob }) => blob))
  }

  /** Clears away what expired. */
  forget(now: number): void {
    for (const rows of [this.batches, this.locks, this.records])
      for (const [key, { expiresAt = Number.POSITIVE_INFINITY }] of rows)
        if (expiresAt <= now) rows.delete(key)
  }
}
