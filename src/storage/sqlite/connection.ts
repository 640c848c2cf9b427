import { systemClock } from '../../core/clock.js'
import { StorageLifetime } from '../storage-lifetime.js'
import { ChangeFeed } from './change-feed.js'
import type { NumberedChanges } from './change-rows.js'
import type { CommandArgs, CommandName, CommandResult } from './commands.js'
import { InlineCommitter } from './inline-committer.js'
import { doJob, doJobInThread, type Job } from './maintenance.js'
import { loadSqlite, openMaintenance, openReader, openWriter } from './open-database.js'
import type { SqliteStorageSettings } from './options.js'
import { RestartingCommitter } from './restarting-committer.js'
import { ownMemory, SharedMemory } from './shared-memory.js'
import { type OpenDatabase, type SqliteDatabase, Statements } from './sqlite-database.js'
import { asStorageError } from './sqlite-error.js'
import { Writer } from './writer.js'

interface Opened {
  readonly database: SqliteDatabase
  readonly reader: Statements
  readonly writer: Writer
}

/**
 * The open database, shared by the parts of the storage: it is opened with the first call, read in the calling thread,
 * and written through the {@link Writer}.
 */
export class Connection {
  readonly settings: SqliteStorageSettings
  readonly feed: ChangeFeed
  /** For the bytes of messages on their way to be stored. */
  readonly memory: Pick<SharedMemory, 'take' | 'release'>
  readonly #load: () => Promise<OpenDatabase>
  readonly #lifetime = new StorageLifetime('sqliteStorage')
  #opening: Promise<Opened> | undefined
  #opened: Opened | undefined

  /** @param load - finds SQLite; tests put a database of their own behind the storage with it. */
  constructor(settings: SqliteStorageSettings, load: () => Promise<OpenDatabase> = loadSqlite) {
    this.settings = settings
    this.#load = load
    this.memory = this.hasThread ? new SharedMemory() : ownMemory
    this.feed = new ChangeFeed(systemClock, settings.pollInterval, () => this.#readerOfFeed())
  }

  /** Whether a thread of its own writes. */
  get hasThread(): boolean {
    return this.settings.thread && !this.isInMemory
  }

  get isInMemory(): boolean {
    return this.settings.path === ':memory:'
  }

  /** Transactions made by this storage, and commands in them. */
  get counts(): Writer['counts'] {
    return this.#opened?.writer.counts ?? { commits: 0, commands: 0 }
  }

  /** Opens the database. After a failure the next call tries again. */
  open(): Promise<Opened> {
    this.#opening ??= this.#open().catch(thrown => {
      this.#opening = undefined
      throw asStorageError(thrown)
    })
    return this.#opening
  }

  async #open(): Promise<Opened> {
    const open = await this.#load()
    const { path, busyTimeout, thread } = this.settings
    const committed = (changes: NumberedChanges) => this.feed.committed(changes)
    if (this.isInMemory) {
      const database = openWriter(open, this.settings)
      const committer = new InlineCommitter(database)
      return this.#begin(database, new Writer(committer, committed))
    }
    const committer = thread
      ? await RestartingCommitter.start({ path, busyTimeout })
      : new InlineCommitter(openWriter(open, this.settings))
    try {
      return this.#begin(openReader(open, this.settings), new Writer(committer, committed))
    } catch (thrown) {
      await committer.close()
      throw thrown
    }
  }

  #begin(database: SqliteDatabase, writer: Writer): Opened {
    this.#opened = { database, reader: new Statements(database), writer }
    this.feed.look()
    return this.#opened
  }

  /** @throws MailError `CLOSED`. */
  assertOpen(): void {
    this.#lifetime.assertOpen()
  }

  /** Reads from the state after the last commit. */
  async read<T>(work: (statements: Statements) => T): Promise<T> {
    this.assertOpen()
    const { reader } = this.#opened ?? (await this.track(this.open()))
    try {
      return work(reader)
    } catch (thrown) {
      throw asStorageError(thrown)
    }
  }

  /**
   * Runs a command; resolves once it is durable. Also while the storage closes, for what began before.
   * @param weight - octets of message bytes in it.
   */
  async run<Name extends CommandName>(
    name: Name,
    args: CommandArgs<Name>,
    weight?: number,
  ): Promise<CommandResult<Name>> {
    const { writer } = this.#opened ?? (await this.open())
    return writer.run(name, args, weight)
  }

  /** Runs one command by itself; resolves once it is durable. */
  async write<Name extends CommandName>(name: Name, args: CommandArgs<Name>): Promise<CommandResult<Name>> {
    this.assertOpen()
    return this.track(this.run(name, args))
  }

  /** Does work on the whole database, in a thread where there is one. Gives the problems a check found. */
  async maintain(job: Job): Promise<string[]> {
    this.assertOpen()
    return this.track(this.#maintain(job))
  }

  async #maintain(job: Job): Promise<string[]> {
    const { database } = await this.open()
    const { path, busyTimeout } = this.settings
    if (this.hasThread) return doJobInThread({ path, busyTimeout, job })
    const own = this.isInMemory ? undefined : openMaintenance(await this.#load(), this.settings)
    try {
      return doJob(own ?? database, job, busyTimeout)
    } catch (thrown) {
      throw asStorageError(thrown)
    } finally {
      own?.close()
    }
  }

  /** Keeps {@link Connection.close} waiting for `work`. Returns `work`. */
  track<T>(work: Promise<T>): Promise<T> {
    return this.#lifetime.track(work)
  }

  /** Whoever only listens has the database opened; where that fails, the next look tries again. */
  #readerOfFeed(): Statements | undefined {
    if (!this.#opened && !this.#lifetime.isOver) void this.track(this.open())
    return this.#opened?.reader
  }

  /** Lets what is under way end, takes nothing new, and closes. */
  close(): Promise<void> {
    this.feed.clear()
    return this.#lifetime.end(() => this.#close())
  }

  async #close(): Promise<void> {
    if (!this.#opened) return
    const { database, writer } = this.#opened
    if (!this.isInMemory) database.close()
    await writer.close()
  }
}
