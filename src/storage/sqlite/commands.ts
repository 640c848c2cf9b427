import { acceptBatch, settle } from './accept-batch.js'
import { appendChunk, beginBlob, discardBlob } from './blob-rows.js'
import { dropEntries, giveBackLeases, holdEntries, releaseEntries, renewLeases } from './entry-changes.js'
import { leaseEntries } from './lease-entries.js'
import { acquireLock, releaseLock } from './lock-rows.js'
import { createMailbox, ensureInbox, mailboxRecord, setSubscribed } from './mailbox-rows.js'
import {
  copyMessages,
  deleteMailbox,
  expungeMessages,
  moveMessages,
  renameMailbox,
  setFlags,
} from './message-changes.js'
import { addToRecord, deleteRecords, putRecord } from './record-rows.js'
import type { Transaction } from './transaction.js'

/**
 * All that writes, by name. Each runs in the transaction of its group under a savepoint of its own; arguments and
 * results are plain data, as they travel between threads.
 */
export const commands = {
  accept: acceptBatch,
  settle,
  lease: leaseEntries,
  renew: renewLeases,
  giveBack: giveBackLeases,
  hold: holdEntries,
  release: releaseEntries,
  drop: dropEntries,
  beginBlob,
  appendChunk,
  discardBlob,
  ensureInbox: (tx: Transaction, account: string) => mailboxRecord(ensureInbox(tx, account)),
  createMailbox,
  renameMailbox,
  deleteMailbox,
  setSubscribed,
  setFlags,
  copy: copyMessages,
  move: moveMessages,
  expunge: expungeMessages,
  acquireLock,
  releaseLock,
  putRecord,
  addToRecord,
  deleteRecords,
  /** Gives up to `pages` free pages back to the file system; gives how many pages are free after it. */
  shrink: (tx: Transaction, pages: number) => {
    tx.database.exec(`PRAGMA incremental_vacuum(${Math.trunc(pages)})`)
    return tx.get<{ freelist_count: number }>('PRAGMA freelist_count')?.freelist_count ?? 0
  },
} satisfies Record<string, (tx: Transaction, ...args: never[]) => unknown>

export type Commands = typeof commands
export type CommandName = keyof Commands

/** Arguments of a command, without the transaction. */
export type CommandArgs<Name extends CommandName> =
  Parameters<Commands[Name]> extends [Transaction, ...infer Args] ? Args : never

export type CommandResult<Name extends CommandName> = ReturnType<Commands[Name]>
