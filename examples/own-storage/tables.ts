import type { AcceptResult, MailboxRecord, MessageRecord, QueueEntry, StoredRecord } from 'posthorn'
import type { Journal } from './journal.ts'

/** A mailbox, but for what its messages tell. */
export type MailboxRow = Omit<MailboxRecord, 'messages' | 'unseen' | 'bytes' | 'uidNext' | 'highestModseq'>

/** A message that is, or was, in a mailbox. Its row stays when it is expunged, so that UIDs and MODSEQs only grow. */
export interface MessageRow {
  readonly mailbox: string
  readonly uid: number
  readonly modseq: number
  /** With the prefix in base64. */
  readonly message?: Omit<MessageRecord, 'uid' | 'modseq' | 'prefix'> & { readonly prefix?: string }
}

/** A queue entry with what is nobody else's business. */
export type EntryRow = QueueEntry & {
  /** Entries of one batch and destination travel together. */
  readonly batch: string
  /** Of the lease, while it is leased; and when it was due before. */
  readonly token?: string
  readonly dueBefore?: number
  readonly holdAfter?: boolean
}

/** All that is kept, but for the message bytes. */
export type Tables = ReturnType<typeof tablesOf>

export function tablesOf(journal: Journal) {
  return {
    mailboxes: journal.table<MailboxRow>('mailboxes'),
    messages: journal.table<MessageRow>('messages'),
    entries: journal.table<EntryRow>('entries'),
    batches: journal.table<{ id: string; receivedAt: number; result: AcceptResult }>('batches'),
    locks: journal.table<{ owner: string; expiresAt: number }>('locks'),
    records: journal.table<{ space: string; record: StoredRecord }>('records'),
    counters: journal.table<{ last: number }>('counters'),
  }
}

/** The next number of a counter, which is never given again. */
export function nextNumber({ counters }: Tables, name: string): number {
  const last = (counters.get(name)?.last ?? 0) + 1
  counters.put(name, { last })
  return last
}

/** The blob that a row refers to, if it does. */
export function blobOf(row: object): string | undefined {
  const { message, blob } = row as Partial<MessageRow & EntryRow>
  return message?.blob ?? blob
}
