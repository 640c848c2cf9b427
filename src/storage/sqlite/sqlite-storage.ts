import { parseOptions } from '../../core/options.js'
import type { BlobStorage } from '../blob-storage.js'
import type { LockStorage } from '../lock-storage.js'
import type { MailStorage } from '../mail-storage.js'
import type { QueueStorage } from '../queue-storage.js'
import type { RecordStorage } from '../record-storage.js'
import {
  type AcceptBatch,
  type AcceptResult,
  isStoredBlob,
  type Storage,
  type StorageChange,
} from '../storage.js'
import { knownResult, type PreparedBatch } from './accept-batch.js'
import { chunkSize } from './blob-rows.js'
import { Connection } from './connection.js'
import { type SqliteStorageOptions, sqliteStorageSchema } from './options.js'
import { withPrepared } from './prepare-batch.js'
import { getRecord, listRecords } from './record-rows.js'
import { SqliteBlobs } from './sqlite-blobs.js'
import { SqliteMail } from './sqlite-mail.js'
import { SqliteQueue } from './sqlite-queue.js'
import { readStats, type SqliteStats } from './storage-stats.js'

/** Storage in one SQLite database. */
export interface SqliteStorage extends Storage {
  /**
   * Opens the database, which the first call of anything does too.
   * @throws MailError `DRIVER_MISSING`, `STORAGE_NEWER`, `STORAGE_FAILED`, `STORAGE_FULL`.
   */
  open(): Promise<void>
  /**
   * Looks at the whole database: damage of the file, orphans, counters and references that are wrong. Resolves to what
   * is wrong, one line for people each; nothing is changed, and reading and writing go on meanwhile.
   */
  check(): Promise<string[]>
  /**
   * Writes a copy of the database, as it is at one moment, into a new file, while reading and writing go on. It can be
   * opened as a storage.
   * @throws MailError `OPTION_INVALID` when the file exists; `STORAGE_FULL`, `STORAGE_FAILED`.
   */
  backup(path: string): Promise<void>
  /**
   * Gives the space of what was deleted back to the file system, bit by bit while reading and writing go on. Resolves to
   * how many octets the file became smaller.
   */
  compact(): Promise<number>
  /** What the database holds, and what this storage did. */
  stats(): Promise<SqliteStats>
}

/** Pages given back by one commit, so that no message waits for long behind it. */
const pagesAtOnce = 1_000

/**
 * Storage in one SQLite database: mail, queue and message bytes in one file, durable when a call resolves. Needs Node
 * 22.13 or later, or the package `better-sqlite3`. Several processes of one machine may open the same file.
 *
 * Nothing is opened before the first call.
 * @throws MailError `OPTION_INVALID`.
 */
export function sqliteStorage(options: SqliteStorageOptions): SqliteStorage {
  return new SqliteStorageDriver(
    new Connection(parseOptions('sqliteStorage', sqliteStorageSchema(), options)),
  )
}

/** The storage over a connection. */
export class SqliteStorageDriver implements SqliteStorage {
  readonly blobs: BlobStorage
  readonly mail: MailStorage
  readonly queue: QueueStorage
  readonly locks: LockStorage
  readonly records: RecordStorage
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
    this.blobs = new SqliteBlobs(connection)
    this.mail = new SqliteMail(connection)
    this.queue = new SqliteQueue(connection)
    this.locks = {
      acquire: (...lock) => connection.write('acquireLock', lock),
      release: (...lock) => connection.write('releaseLock', lock),
    }
    this.records = {
      get: (space, key) => connection.read(statements => getRecord(statements, space, key)),
      list: (space, query) => connection.read(statements => listRecords(statements, space, query)),
      put: record => connection.write('putRecord', [record]),
      add: (record, count) => connection.write('addToRecord', [record, count]),
      delete: (space, keys) => connection.write('deleteRecords', [space, keys]),
    }
  }

  async open(): Promise<void> {
    this.#connection.assertOpen()
    await this.#connection.track(this.#connection.open())
  }

  check(): Promise<string[]> {
    return this.#connection.maintain({ kind: 'check' })
  }

  async backup(path: string): Promise<void> {
    await this.#connection.maintain({ kind: 'backup', target: path })
  }

  async compact(): Promise<number> {
    const connection = this.#connection
    await connection.maintain({ kind: 'truncate' })
    const before = (await this.stats()).fileBytes
    let free = Number.POSITIVE_INFINITY
    for (let left = await connection.write('shrink', [pagesAtOnce]); left > 0 && left < free; ) {
      free = left
      left = await connection.write('shrink', [pagesAtOnce])
    }
    await connection.maintain({ kind: 'truncate' })
    return before - (await this.stats()).fileBytes
  }

  async stats(): Promise<SqliteStats> {
    const { settings } = this.#connection
    const read = await this.#connection.read(statements => readStats(statements, settings.path))
    const { commits, commands } = this.#connection.counts
    return { ...read, commits, committedCalls: commands }
  }

  async accept(batch: AcceptBatch): Promise<AcceptResult> {
    this.#connection.assertOpen()
    return this.#connection.track(this.#accept(batch))
  }

  async #accept(batch: AcceptBatch): Promise<AcceptResult> {
    const { message } = batch
    if (!isStoredBlob(message) && message.size > chunkSize) {
      // The commit looks too; this saves streaming a message for nothing.
      const known = await this.#connection.read(statements => knownResult(statements, batch))
      if (known) return known
    }
    return withPrepared(this.#connection, [batch], (prepared, weight) =>
      this.#connection.run('accept', prepared as [PreparedBatch], weight),
    )
  }

  subscribe(listener: (change: StorageChange) => void): () => void {
    this.#connection.assertOpen()
    return this.#connection.feed.subscribe(listener)
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
