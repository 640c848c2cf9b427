import { mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  ChangeListeners,
  type LockStorage,
  type MailStorage,
  type QueueStorage,
  type RecordStorage,
  type Storage,
} from 'posthorn'
import { acceptBatch } from './accept-batch.ts'
import { BlobFiles, syncDirectory } from './blob-files.ts'
import { changesOf } from './changes.ts'
import { Journal } from './journal.ts'
import { mailCalls } from './mail-calls.ts'
import { queueCalls } from './queue-calls.ts'
import { lockCalls, recordCalls } from './record-calls.ts'
import { Tables } from './tables.ts'

/**
 * A storage in a directory of files: message bytes a file each, everything else in one journal and in memory. For one
 * process at a time, and for as much mail as one may look through from end to end: a few thousand messages.
 */
export async function journalStorage({ directory }: { directory: string }): Promise<Storage> {
  const files = new BlobFiles(join(directory, 'blobs'))
  await mkdir(files.directory, { recursive: true, mode: 0o700 })
  const journal = new Journal(await open(join(directory, 'journal'), 'a+', 0o600), new Tables(files))
  await syncDirectory(directory)
  await journal.read()
  await files.removeUnused(await readdir(files.directory), journal.tables.blobs())
  const listeners = new ChangeListeners()
  journal.committed = async (before, after) => {
    await files.removeUnused(before.blobs(), after.blobs())
    listeners.tell(changesOf(before, after))
  }
  const close = () => journal.lifetime.end(() => journal.file.close())
  return {
    blobs: {
      write: source => journal.lifetime.run(() => files.write(source)),
      open: (id, prefix) => journal.lifetime.run(() => files.open(id, prefix)),
    },
    mail: journal.inCommits<MailStorage>(mailCalls),
    queue: {
      ...journal.inCommits<QueueStorage>(queueCalls),
      settle: ({ accept = [], ...settlement }) =>
        journal.commitBatches(accept, (tables, stored) =>
          queueCalls(tables).settle({ ...settlement, accept: stored }),
        ),
    },
    locks: journal.inCommits<LockStorage>(lockCalls),
    records: journal.inCommits<RecordStorage>(recordCalls),
    accept: batch =>
      journal.commitBatches([batch], (tables, [stored = batch]) => acceptBatch(tables, stored)),
    subscribe: listener => listeners.subscribe(listener),
    close,
    [Symbol.asyncDispose]: close,
  }
}
