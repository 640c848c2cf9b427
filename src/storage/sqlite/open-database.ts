import { randomInt } from 'node:crypto'
import { MailError } from '../../core/error.js'
import { migrations } from './migrations.js'
import type { OpenDatabase, SqliteDatabase } from './sqlite-database.js'
import { isBusy } from './sqlite-error.js'

/** How a connection is opened. */
export interface ConnectionOptions {
  readonly path: string
  /** Milliseconds. */
  readonly busyTimeout: number
}

type DatabaseClass = new (path: string) => SqliteDatabase

/**
 * Finds an SQLite for this Node: `node:sqlite` (22.13 and later) or the package `better-sqlite3`.
 * @throws MailError `DRIVER_MISSING`.
 */
export async function loadSqlite(
  load: (name: string) => Promise<unknown> = importModule,
): Promise<OpenDatabase> {
  const problems: unknown[] = []
  for (const [name, member] of drivers) {
    try {
      const loaded = (await load(name)) as Record<string, DatabaseClass>
      const Database = loaded[member]
      if (!Database) throw new TypeError(`${name} has no export ${member}`)
      // Binaries of native packages are loaded with the first database.
      new Database(':memory:').close()
      return path => new Database(path)
    } catch (thrown) {
      problems.push(thrown)
    }
  }
  throw new MailError(
    'DRIVER_MISSING',
    `sqliteStorage: there is no SQLite here: Node ${process.versions.node} has no node:sqlite (22.13 and later have), and the package better-sqlite3 cannot be loaded. Use a later Node, or: npm install better-sqlite3`,
    { cause: new AggregateError(problems) },
  )
}

const drivers = [
  ['node:sqlite', 'DatabaseSync'],
  ['better-sqlite3', 'default'],
] as const

function importModule(name: string): Promise<unknown> {
  return import(name)
}

/** Opens the connection that writes, and brings the schema up to date. */
export function openWriter(open: OpenDatabase, { path, busyTimeout }: ConnectionOptions): SqliteDatabase {
  return configured(open(path), database => {
    database.exec(`PRAGMA busy_timeout = ${Math.round(busyTimeout)}`)
    // Both take effect in a new file only. Pages of 16 KiB: a message of 100 KB is seven of them, not 25, and three of
    // 4 KB share one.
    database.exec('PRAGMA page_size = 16384')
    // Freed pages can then be given back bit by bit.
    database.exec('PRAGMA auto_vacuum = INCREMENTAL')
    patiently(busyTimeout, () => database.exec('PRAGMA journal_mode = WAL'))
    database.exec('PRAGMA synchronous = FULL')
    database.exec('PRAGMA foreign_keys = ON')
    // 16 MiB of log: pages that many commits change are moved from it into the file once.
    database.exec('PRAGMA wal_autocheckpoint = 1000')
    database.exec('PRAGMA cache_size = -8000')
    migrate(database)
  })
}

/** Opens a connection that reads; the schema must be there. */
export function openReader(open: OpenDatabase, { path, busyTimeout }: ConnectionOptions): SqliteDatabase {
  return configured(open(path), database => {
    database.exec(`PRAGMA busy_timeout = ${Math.round(busyTimeout)}`)
    database.exec('PRAGMA query_only = ON')
    database.exec('PRAGMA cache_size = -8000')
  })
}

/** Opens a connection for work on the whole database; the schema must be there. */
export function openMaintenance(
  open: OpenDatabase,
  { path, busyTimeout }: ConnectionOptions,
): SqliteDatabase {
  return configured(open(path), database => {
    database.exec(`PRAGMA busy_timeout = ${Math.round(busyTimeout)}`)
  })
}

function configured(database: SqliteDatabase, configure: (database: SqliteDatabase) => void): SqliteDatabase {
  try {
    configure(database)
    return database
  } catch (thrown) {
    database.close()
    throw thrown
  }
}

/** Waits for other connections where SQLite does not, as for those that make the same file at once. */
export function patiently(busyTimeout: number, action: () => void): void {
  const step = 10
  for (let waited = 0; ; waited += step) {
    try {
      action()
      return
    } catch (thrown) {
      if (!isBusy(thrown) || waited >= busyTimeout) throw thrown
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, step)
    }
  }
}

/**
 * Applies the steps that are missing, all in one transaction.
 * @throws MailError `STORAGE_NEWER`.
 */
function migrate(database: SqliteDatabase): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = schemaVersion(database)
    if (version > migrations.length) throw newerSchema(version)
    for (const step of migrations.slice(version)) database.exec(step)
    if (version === 0) beginState(database)
    database.exec(`PRAGMA user_version = ${migrations.length}`)
    database.exec('COMMIT')
  } catch (thrown) {
    database.exec('ROLLBACK')
    throw thrown
  }
}

/** UIDVALIDITY begins anywhere: a file that is deleted and made again must not repeat it. */
function beginState(database: SqliteDatabase): void {
  database.prepare('INSERT INTO state (last_uid_validity) VALUES (?)').run(randomInt(1, 2 ** 31))
}

/** The number of the last step that was applied. */
export function schemaVersion(database: SqliteDatabase): number {
  const row = database.prepare('PRAGMA user_version').get() as { user_version: number }
  return row.user_version
}

function newerSchema(version: number): MailError {
  return new MailError(
    'STORAGE_NEWER',
    `sqliteStorage: the database has schema ${version}, and this release of posthorn knows ${migrations.length}: it was written by a later one. Use that, or a backup from before`,
  )
}
