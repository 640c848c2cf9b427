import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type {
  AcceptResult,
  LockStorage,
  MailStorage,
  QueueStorage,
  RecordStorage,
  Storage,
  StorageChange,
} from 'posthorn'
import { acceptBatches, blobsOf, removeFreed } from './accept-batches.ts'
import { BlobFiles } from './blob-files.ts'
import { changesOf } from './changes.ts'
import { type Calls, Journal } from './journal.ts'
import { mailCalls } from './mail-calls.ts'
import { Mailboxes } from './mailboxes.ts'
import { queueCalls, settle } from './queue-calls.ts'
import { recordCalls } from './record-calls.ts'
import { type Tables, tablesOf } from './tables.ts'

/**
 * A storage in a directory of files: message bytes a file each, everything else in one journal and in memory. For one
 * process at a time, and for as much mail as one may look through from end to end: a few thousand messages.
 */
export async function journalStorage({ directory }: { directory: string }): Promise<Storage> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const journal = new Journal(join(directory, 'journal'))
  const tables = tablesOf(journal)
  const parts = {
    journal,
    tables,
    mailboxes: new Mailboxes(tables),
    files: new BlobFiles(join(directory, 'blobs')),
  }
  await journal.open()
  await parts.files.keepOnly(blobsOf(tables))
  const listeners = new Set<{ tell(change: StorageChange): void }>()
  journal.committed = async changes => {
    await removeFreed(parts, changes)
    for (const change of changesOf(changes, parts))
      for (const { tell } of listeners) safely(() => tell(change))
  }
  const close = () => journal.close().then(() => listeners.clear())
  return {
    blobs: {
      write: source => journal.enter(() => parts.files.write(source)),
      open: (id, prefix) => journal.enter(() => parts.files.open(id, prefix)),
    },
    mail: journal.inCommits<MailStorage>(mailCalls(parts)),
    queue: {
      ...journal.inCommits<Omit<QueueStorage, 'settle'>>(queueCalls(tables)),
      settle: settlement =>
        journal.enter(() =>
          acceptBatches(parts, settlement.accept ?? [], store => settle(tables, settlement, store)),
        ),
    },
    locks: journal.inCommits<LockStorage>(lockCalls(tables)),
    records: journal.inCommits<RecordStorage>(recordCalls(tables)),
    accept: batch => journal.enter(() => acceptBatches(parts, [batch], store => store()[0] as AcceptResult)),
    subscribe(tell) {
      const listener = { tell }
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function lockCalls({ locks }: Tables): Calls<LockStorage> {
  return {
    acquire(name, owner, now, expiresAt) {
      const held = locks.get(name)
      if (held && held.owner !== owner && held.expiresAt > now) return false
      locks.put(name, { owner, expiresAt })
      return true
    },
    release(name, owner) {
      if (locks.get(name)?.owner === owner) locks.delete(name)
    },
  }
}

/** What a listener throws is no matter of the one who made the commit. */
function safely(tell: () => void): void {
  try {
    tell()
  } catch {}
}
