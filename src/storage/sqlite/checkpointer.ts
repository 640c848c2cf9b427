import type { Worker } from 'node:worker_threads'
import type { SqliteDatabase } from './sqlite-database.js'
import { startThread } from './start-thread.js'

/** Where the database is. */
export interface CheckpointStart {
  readonly path: string
  readonly busyTimeout: number
}

/**
 * Octets of the log at which it is moved into the database: at first, when the thread is not worth its start before, and
 * from then on. Commits wait for the disk behind what is moved, so it is little at a time.
 */
const longestLog = { atFirst: 16 * 1024 * 1024, later: 4 * 1024 * 1024 }

/** Octets that the thread that writes moves between two commits, in some two milliseconds. */
const shortRest = 1024 * 1024

/** How often the thread begins anew with what was written meanwhile, where that does not become short. */
const mostPasses = 10

/** What a commit writes to the log besides message bytes, about: a page of each table. */
const ofEachCommit = 10 * 16 * 1024

/** Pages after which SQLite moves the log by itself, where the thread has not begun to or there is none. */
const patience = { with: 4_000, without: 1_000 }

/**
 * Moves the log into the database (https://www.sqlite.org/wal.html#checkpointing) in a thread, while commits go on: in the
 * thread that writes all of them wait for it. What commits wrote meanwhile is moved in the same way, which is less each
 * time, until a short rest is moved between two of them; then the log is empty, and is written from its beginning again.
 */
export class Checkpointer {
  readonly #database: SqliteDatabase
  readonly #start: CheckpointStart
  #thread: Worker | undefined
  #isBusy = false
  #passes = 0
  /** Octets in the log since it was last told to be moved. */
  #written = 0

  /** @param database - the connection that writes. */
  constructor(database: SqliteDatabase, start: CheckpointStart) {
    this.#database = database
    this.#start = start
    this.#setPatience(patience.with)
  }

  /** A commit was made with so many octets of messages. */
  committed(bytes: number): void {
    this.#written += bytes + ofEachCommit
    const longest = this.#thread ? longestLog.later : longestLog.atFirst
    if (this.#isBusy || this.#written < longest) return
    this.#isBusy = true
    this.#passes = 0
    this.#thread ??= this.#startThread()
    this.#pass(this.#thread)
  }

  #pass(thread: Worker): void {
    this.#passes++
    this.#written = 0
    thread.postMessage('checkpoint')
  }

  #startThread(): Worker {
    const thread = startThread('checkpoint-thread', this.#start)
    this.#setPatience(patience.with)
    thread.on('message', () => {
      if (this.#written > shortRest && this.#passes < mostPasses) this.#pass(thread)
      else this.#moveRest()
    })
    // Whatever it died of, another is started when the log is long again.
    thread.on('error', () => {})
    thread.on('exit', () => this.#doWithout())
    thread.unref()
    return thread
  }

  /** Until then all is as it is elsewhere: SQLite moves the log in the middle of a commit. */
  #doWithout(): void {
    this.#thread = undefined
    this.#isBusy = false
    this.#written = 0
    this.#setPatience(patience.without)
  }

  #moveRest(): void {
    this.#isBusy = false
    this.#written = 0
    try {
      this.#database.prepare('PRAGMA wal_checkpoint(PASSIVE)').all()
    } catch {
      // The next time finds what this one could not move.
    }
  }

  #setPatience(pages: number): void {
    this.#database.exec(`PRAGMA wal_autocheckpoint = ${pages}`)
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    const thread = this.#thread
    if (!thread) return
    thread.removeAllListeners('message').removeAllListeners('exit')
    await thread.terminate()
  }
}
