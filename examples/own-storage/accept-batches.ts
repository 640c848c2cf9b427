import { type AcceptBatch, type AcceptResult, MailError } from 'posthorn'
import type { BlobFiles } from './blob-files.ts'
import type { Journal } from './journal.ts'
import type { Mailboxes } from './mailboxes.ts'
import { enqueue } from './queue-calls.ts'
import type { Change } from './table.ts'
import { blobOf, type Tables } from './tables.ts'

const hour = 3_600_000

/** What the storage is made of. */
export interface Parts {
  readonly journal: Journal
  readonly tables: Tables
  readonly mailboxes: Mailboxes
  readonly files: BlobFiles
}

/** Writes the bytes of batches, which may take long; then makes one commit, in which `work` may store them. */
export async function acceptBatches<Result>(
  parts: Parts,
  batches: readonly AcceptBatch[],
  work: (store: () => AcceptResult[]) => Result,
): Promise<Result> {
  const { journal, tables, files } = parts
  const blobs: string[] = []
  const written: string[] = []
  let used = new Set<string | undefined>()
  try {
    for (const { message } of batches) {
      if (!('blob' in message)) written.push((await files.write(message.open(), message.size)).id)
      blobs.push('blob' in message ? message.blob : (written.at(-1) ?? ''))
    }
    const stored = () => batches.map((batch, at) => store(parts, batch, blobs[at]))
    const done = await journal.commit(() => ({ result: work(stored), used: blobsOf(tables) }))
    used = done.used
    return done.result
  } finally {
    for (const id of written) if (!used.has(id)) await files.remove(id)
  }
}

function store({ tables, mailboxes, files }: Parts, batch: AcceptBatch, id = ''): AcceptResult {
  // Whoever did not hear the answer asks again, and hears the same.
  const known = tables.batches.get(batch.id)
  if (known) return known.result
  const size = files.size(id)
  if (size === undefined) throw new MailError('NO_SUCH_MESSAGE', 'the blob does not exist (any more)')
  const { copies, queued, receivedAt } = batch
  const result = {
    blob: id,
    copies: mailboxes.store(copies, { id, size }, receivedAt),
    entries: queued ? enqueue(tables, queued, batch, { id, size }) : [],
  }
  for (const old of tables.batches.rows())
    if (old.receivedAt < receivedAt - hour) tables.batches.delete(old.id)
  tables.batches.put(batch.id, { id: batch.id, receivedAt, result })
  return result
}

/** Removes the files that nothing refers to any more after a commit. */
export async function removeFreed({ tables, files }: Parts, changes: readonly Change[]): Promise<void> {
  const freed = changes.map(({ before }) => before && blobOf(before)).filter(id => id !== undefined)
  const used = freed.length > 0 && blobsOf(tables)
  if (used) for (const id of freed) if (!used.has(id)) await files.remove(id)
}

/** All blobs that are referred to. */
export function blobsOf({ messages, entries }: Tables): Set<string | undefined> {
  return new Set([...messages.rows(), ...entries.rows()].map(blobOf))
}
