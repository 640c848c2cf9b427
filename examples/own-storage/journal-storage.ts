import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type AcceptBatch, type AcceptResult, MailError, type MessageSource, type Storage } from 'posthorn'
import { BlobFiles, type StagedBlob } from './blob-files.ts'
import { ChangeFeed } from './change-feed.ts'
import { Journal } from './journal.ts'
import { JournalLocks } from './journal-locks.ts'
import { JournalMail } from './journal-mail.ts'
import { JournalQueue } from './journal-queue.ts'
import { JournalRecords } from './journal-records.ts'
import { type Tables, tablesOf } from './rows.ts'
import { Work } from './work.ts'

const hour = 3_600_000

/**
 * A storage in a directory of files: message bytes a file each, everything else in one journal and in memory. For
 * one process at a time, and for as much mail as one may look through from end to end: a few thousand messages.
 */
export async function journalStorage({ directory }: { directory: string }): Promise<Storage> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const journal = new Journal(join(directory, 'journal'))
  const tables = tablesOf(journal)
  await journal.open()
  const feed = new ChangeFeed()
  const work = new Work(journal, tables, feed)
  const blobs = new BlobFiles(join(directory, 'blobs'), tables, work)
  await work.enter(() => blobs.clean())
  return new JournalStorage(tables, feed, work, blobs)
}

class JournalStorage implements Storage {
  readonly mail: JournalMail
  readonly queue: JournalQueue
  readonly locks: JournalLocks
  readonly records: JournalRecords
  readonly #tables: Tables
  readonly #feed: ChangeFeed
  readonly #work: Work

  constructor(
    tables: Tables,
    feed: ChangeFeed,
    work: Work,
    readonly blobs: BlobFiles,
  ) {
    const shared = { tables, work, feed, refer: (blob: string, count: number) => blobs.refer(blob, count) }
    this.#tables = tables
    this.#feed = feed
    this.#work = work
    this.mail = new JournalMail(shared)
    this.queue = new JournalQueue(shared, (batches, commit) => this.#withBatches(batches, commit))
    this.locks = new JournalLocks(work)
    this.records = new JournalRecords(tables, work)
  }

  accept(batch: AcceptBatch): Promise<AcceptResult> {
    return this.#work.enter(async () => {
      const known = await this.#work.commit(() => this.#tables.batches.get(batch.id)?.result)
      const [result] = known ? [known] : await this.#withBatches([batch], store => store())
      return structuredClone(result as AcceptResult)
    })
  }

  /** The bytes first, which may take long; then one commit; and what it did not come to refer to is removed. */
  async #withBatches<Result>(
    batches: readonly AcceptBatch[],
    commit: (store: () => AcceptResult[]) => Result,
  ): Promise<Result> {
    const staged = new Map<AcceptBatch, StagedBlob>()
    try {
      for (const batch of batches) {
        const { message } = batch
        if (!('blob' in message)) staged.set(batch, await this.#stage(message))
      }
      return await this.#work.commit(() =>
        commit(() => batches.map(batch => this.#store(batch, staged.get(batch)))),
      )
    } finally {
      for (const { id } of staged.values()) if (!this.#tables.blobs.get(id)) await this.blobs.remove(id)
    }
  }

  #stage(message: MessageSource): Promise<StagedBlob> {
    return this.blobs.stage(message.open(), message.size)
  }

  /** Within a commit. */
  #store(batch: AcceptBatch, staged: StagedBlob | undefined): AcceptResult {
    const { id, copies, queued, receivedAt } = batch
    // The same batch may have come first while the bytes were written.
    const known = this.#tables.batches.get(id)
    if (known) return known.result
    const blob = staged ?? this.#stored(batch)
    if (staged) this.#tables.blobs.put(staged.id, { ...staged, references: 0 })
    const result = {
      blob: blob.id,
      copies: this.mail.store(copies, blob, receivedAt),
      entries: queued ? this.queue.store(queued, batch, blob) : [],
    }
    this.#forgetBefore(receivedAt - hour)
    this.#tables.batches.put(id, { id, receivedAt, result })
    return result
  }

  #stored({ message }: AcceptBatch): StagedBlob {
    const blob = 'blob' in message ? this.#tables.blobs.get(message.blob) : undefined
    if (blob) return blob
    throw new MailError('NO_SUCH_MESSAGE', 'the batch refers to a blob that does not exist (any more)')
  }

  /** Batches lie in the order they came, the oldest in front. */
  #forgetBefore(instant: number): void {
    for (const { id, receivedAt } of this.#tables.batches.rows()) {
      if (receivedAt >= instant) return
      this.#tables.batches.delete(id)
    }
  }

  subscribe(listener: Parameters<Storage['subscribe']>[0]): () => void {
    return this.#feed.subscribe(listener)
  }

  async close(): Promise<void> {
    await this.#work.end()
    this.#feed.clear()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
