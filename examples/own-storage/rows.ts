import type {
  AcceptResult,
  BlobId,
  MailboxId,
  MailboxRecord,
  MessageRecord,
  NewRecord,
  QueueEntry,
} from 'posthorn'
import type { Journal } from './journal.ts'
import type { Table } from './table.ts'

/** A mailbox without what can be counted. */
export type MailboxRow = Omit<MailboxRecord, 'messages' | 'unseen' | 'bytes'>

/** A message; its prefix as base 64. */
export type MessageRow = Omit<MessageRecord, 'prefix'> & {
  readonly mailbox: MailboxId
  readonly prefix?: string
}

/** That a message was in a mailbox. */
export interface TombstoneRow {
  readonly mailbox: MailboxId
  readonly uid: number
  readonly modseq: number
}

/** A queue entry with what is nobody else's business. */
export type EntryRow = QueueEntry & {
  /** The batch that brought it: entries of one message travel together. */
  readonly batch: string
  /** Of the lease, while it is leased. */
  readonly token?: string
  /** When it was due before it was leased. */
  readonly dueBefore?: number
  readonly holdAfter?: boolean
}

/** A file with message bytes, and how many messages and entries refer to it. */
export interface BlobRow {
  readonly id: BlobId
  readonly size: number
  readonly references: number
}

/** What became of a batch. */
export interface BatchRow {
  readonly id: string
  readonly receivedAt: number
  readonly result: AcceptResult
}

/** All that is kept, but for the message bytes. */
export interface Tables {
  readonly mailboxes: Table<MailboxRow>
  readonly messages: Table<MessageRow>
  readonly tombstones: Table<TombstoneRow>
  readonly entries: Table<EntryRow>
  readonly blobs: Table<BlobRow>
  readonly batches: Table<BatchRow>
  readonly records: Table<NewRecord & { readonly count: number }>
  readonly counters: Table<{ readonly last: number }>
}

/** The tables of a journal. */
export function tablesOf(journal: Journal): Tables {
  return {
    mailboxes: journal.table<MailboxRow>('mailboxes', row => row.account),
    messages: journal.table<MessageRow>('messages', row => row.mailbox),
    tombstones: journal.table<TombstoneRow>('tombstones', row => row.mailbox),
    entries: journal.table('entries'),
    blobs: journal.table('blobs'),
    batches: journal.table('batches'),
    records: journal.table<NewRecord & { readonly count: number }>('records', row => row.space),
    counters: journal.table('counters'),
  }
}

/** The next number of a counter that outlives the process. */
export function nextNumber({ counters }: Tables, name: 'uidValidity' | 'entry'): number {
  const last = (counters.get(name)?.last ?? 0) + 1
  counters.put(name, { last })
  return last
}
