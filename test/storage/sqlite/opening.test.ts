import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Connection } from '../../../src/storage/sqlite/connection.js'
import { migrations } from '../../../src/storage/sqlite/migrations.js'
import { loadSqlite, schemaVersion } from '../../../src/storage/sqlite/open-database.js'
import type { SqliteDatabase } from '../../../src/storage/sqlite/sqlite-database.js'
import { SqliteStorageDriver, sqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
import { bytesOf, mailboxOf, put, start } from '../../../src/testing/conformance/sample-batch.js'
import { describeSqlite } from './describe-sqlite.js'
import { gatedStorage } from './faulty-database.js'
import { temporaryFile } from './temporary-file.js'

describeSqlite('opening an SQLite storage', {}, () => {
  it('opens nothing before the first call', async () => {
    const storage = sqliteStorage({ path: '/no/such/folder/mail.db' })
    await storage.close()
  })

  it.each([true, false])('opens nothing after it was closed (thread: %s)', async thread => {
    const storage = sqliteStorage({ path: temporaryFile(), thread })
    await storage.open()
    await storage.close()
    await expect(storage.open()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it.each([true, false])(
    'says what is wrong with a file that cannot be opened (thread: %s)',
    async thread => {
      const storage = sqliteStorage({ path: join(temporaryFile(), 'mail.db'), thread })
      const failure = { code: 'STORAGE_FAILED', temporary: true }
      await expect(storage.open()).rejects.toMatchObject(failure)
      await expect(put(storage, 'ann')).rejects.toMatchObject(failure)
      await storage.close()
    },
  )

  it.each([true, false])(
    'refuses a database of a later release and leaves it alone (thread: %s)',
    async thread => {
      const path = temporaryFile()
      const later = (await loadSqlite())(path)
      later.exec('CREATE TABLE later (x); PRAGMA user_version = 99')
      const storage = sqliteStorage({ path, thread })
      await expect(storage.open()).rejects.toMatchObject({
        code: 'STORAGE_NEWER',
        message: expect.stringContaining('schema 99'),
      })
      await storage.close()
      expect(schemaVersion(later)).toBe(99)
      const tables = later.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
      expect(tables).toEqual([expect.objectContaining({ name: 'later' })])
      later.close()
    },
  )

  it('brings a database of the first release up to date, with all that is in it', async () => {
    const path = temporaryFile()
    const first = (await loadSqlite())(path)
    first.exec(
      `${migrations[0]}; PRAGMA user_version = 1; INSERT INTO state (next_blob, last_uid_validity) VALUES (2, 7)`,
    )
    first.exec(`INSERT INTO blobs VALUES (1, 2, 2); INSERT INTO chunks VALUES (65536, x'0d0a');
      INSERT INTO mailboxes (id, account, name, uid_validity, uid_next, modseq, messages, unseen, bytes)
        VALUES (1, 'ann', 'INBOX', 7, 2, 2, 1, 1, 2);
      INSERT INTO messages VALUES (1, 1, 2, '', 0, 0, 2, 1, NULL);
      INSERT INTO entries (id, message, trace_id, blob, size, envelope, sender, recipient, address, destination,
          queued_at, state, due_at, due_before, attempts, history)
        VALUES (1, 1, 't', 1, 2, '{"sender":"a@B.test"}', 'a@B.test', '{"address":"c@d.test"}', 'c@d.test', 'd.test',
          0, 'waiting', 0, 0, 3, '[{"reason":"one"},{"reason":"two, [it] said"}]');
      INSERT INTO lanes VALUES ('d.test', 0)`)
    first.close()
    const storage = sqliteStorage({ path, thread: false })
    expect(await storage.check()).toEqual([])
    expect(await mailboxOf(storage, 'ann')).toMatchObject({ uidValidity: 7, uidNext: 2, messages: 1 })
    const request = { now: start, expiresAt: start + 1, limit: 9 }
    expect(await storage.queue.lease({ ...request, exceptSenders: new Set(['b.test']) })).toEqual([])
    const [entry] = await storage.queue.lease(request)
    expect(entry).toMatchObject({
      recipient: { address: 'c@d.test' },
      attempts: 4,
      history: [{ reason: 'one' }, { reason: 'two, [it] said' }],
    })
    expect((await bytesOf(await storage.blobs.open(entry?.blob ?? ''))).toString()).toBe('\r\n')
    // The bytes of a message that was stored apart go with it.
    const { id } = await mailboxOf(storage, 'ann')
    await storage.mail.expunge(id, [1])
    expect(await storage.check()).toEqual([])
    await storage.queue.drop([entry?.id ?? ''])
    expect(await storage.blobs.open(entry?.blob ?? '')).toBeUndefined()
    expect(await storage.check()).toEqual([])
    expect((await storage.stats()).schema).toBe(migrations.length)
    await storage.close()
  })

  it('opens a message of the first release in one read, as it may go between two', async () => {
    const path = temporaryFile()
    const other = (await loadSqlite())(path)
    other.exec(`${migrations[0]}; PRAGMA user_version = 1;
      INSERT INTO state (next_blob, last_uid_validity) VALUES (3, 7);
      INSERT INTO blobs VALUES (1, 2, 1), (2, 0, 1); INSERT INTO chunks VALUES (65536, x'0d0a')`)
    let reads = 0
    const storage = gatedStorage(path, sql => {
      if (/^SELECT.*FROM (blobs|chunks)/s.test(sql) && ++reads > 1) other.exec('DELETE FROM chunks')
    })
    expect((await bytesOf(await storage.blobs.open('b1'))).toString()).toBe('\r\n')
    expect(reads).toBe(1)
    expect((await storage.blobs.open('b2'))?.size).toBe(0)
    other.exec('DELETE FROM blobs')
    expect(await storage.blobs.open('b1')).toBeUndefined()
    await storage.close()
    other.close()
  })

  it.each(migrations.map((_, index) => index))(
    'leaves a database as it was when the last statement of what is missing after step %i fails',
    async version => {
      const path = temporaryFile()
      const before = (await loadSqlite())(path)
      before.exec(migrations.slice(0, version).join(';'))
      before.exec(`PRAGMA user_version = ${version}; CREATE TABLE ours (x)`)
      if (version > 0) before.exec('INSERT INTO state (last_uid_validity) VALUES (7)')
      const tables = schemaOf(before)
      const failing = storageThatCannotMigrate(path)
      await expect(failing.open()).rejects.toMatchObject({
        code: 'STORAGE_FAILED',
        message: expect.stringContaining('no_such_table'),
      })
      await failing.close()
      expect(schemaVersion(before)).toBe(version)
      expect(schemaOf(before)).toEqual(tables)
      const storage = sqliteStorage({ path, thread: false })
      await storage.open()
      expect(schemaVersion(before)).toBe(migrations.length)
      expect(await storage.check()).toEqual([])
      await storage.close()
      before.close()
    },
  )

  it('refuses a file that is no database', async () => {
    const storage = sqliteStorage({ path: new URL(import.meta.url).pathname, thread: false })
    await expect(storage.open()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    await storage.close()
  })

  it('keeps everything in memory when it is told to', async () => {
    const storage = sqliteStorage({ path: ':memory:' })
    await put(storage, 'ann')
    expect((await mailboxOf(storage, 'ann')).messages).toBe(1)
    const target = temporaryFile()
    await storage.backup(target)
    await storage.close()
    const copy = sqliteStorage({ path: target })
    expect((await mailboxOf(copy, 'ann')).messages).toBe(1)
    await copy.close()
  })

  it('writes with a log, waits for the disk and minds references', async () => {
    const path = temporaryFile()
    const configured: string[] = []
    const storage = gatedStorage(path, sql => configured.push(sql))
    await put(storage, 'ann')
    expect(configured).toEqual(
      expect.arrayContaining([
        'PRAGMA synchronous = FULL',
        'PRAGMA foreign_keys = ON',
        'PRAGMA busy_timeout = 2000',
      ]),
    )
    const reader = (await loadSqlite())(path)
    expect(reader.prepare('PRAGMA journal_mode').get()).toMatchObject({ journal_mode: 'wal' })
    reader.close()
    await storage.close()
  })

  it.each([
    [{ path: '' }, /path/],
    [{ path: 'x', pollInterval: 'soon' }, /pollInterval/],
    [{ path: 'x', speed: 1 }, /speed/],
  ])('refuses %o', (options, problem) => {
    // @ts-expect-error: a caller without types
    expect(() => sqliteStorage(options)).toThrow(problem)
  })
})

/** A storage that fails behind the last statement of the last step of the schema. */
function storageThatCannotMigrate(path: string): SqliteStorageDriver {
  const settings = { path, pollInterval: 1_000, busyTimeout: 2_000, thread: false }
  const load = async () => {
    const open = await loadSqlite()
    return (file: string): SqliteDatabase => {
      const database = open(file)
      const lastStep = migrations.at(-1)
      return {
        exec: sql => database.exec(sql === lastStep ? `${sql}; INSERT INTO no_such_table VALUES (1)` : sql),
        prepare: sql => database.prepare(sql),
        close: () => database.close(),
      }
    }
  }
  return new SqliteStorageDriver(new Connection(settings, load))
}

function schemaOf(database: SqliteDatabase): unknown {
  return database.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all()
}

/** A class of a database as a driver has it, that notes what was opened with it. */
function databaseClass(opened: string[], name: string, problem?: Error) {
  return class {
    constructor(path: string) {
      opened.push(`${name} ${path}`)
      if (problem) throw problem
    }
    close() {}
  }
}

describe('finding an SQLite', () => {
  it('takes the one of Node where there is one, and loads nothing else', async () => {
    const opened: string[] = []
    const asked: string[] = []
    const open = await loadSqlite(async name => {
      asked.push(name)
      return { DatabaseSync: databaseClass(opened, name), default: databaseClass(opened, name) }
    })
    open('mail.db').close()
    expect(asked).toEqual(['node:sqlite'])
    expect(opened).toEqual(['node:sqlite :memory:', 'node:sqlite mail.db'])
  })

  it.each<[string, (opened: string[]) => Promise<unknown>]>([
    ['has none', () => Promise.reject(new Error('not found'))],
    ['has one of another shape', async () => ({})],
    [
      'cannot use its own',
      async opened => ({ DatabaseSync: databaseClass(opened, 'node', new Error('no')) }),
    ],
  ])('takes better-sqlite3 where Node %s', async (_, ofNode) => {
    const opened: string[] = []
    const open = await loadSqlite(async name =>
      name === 'node:sqlite' ? ofNode(opened) : { default: databaseClass(opened, name) },
    )
    open('mail.db').close()
    expect(opened.slice(-2)).toEqual(['better-sqlite3 :memory:', 'better-sqlite3 mail.db'])
  })

  it('names both where there is none, and why each cannot be used', async () => {
    const opened: string[] = []
    const load = async (name: string) => {
      if (name === 'node:sqlite') throw new Error('not found')
      return { default: databaseClass(opened, name, new Error('the binary is for another Node')) }
    }
    const failure = await loadSqlite(load).catch(thrown => thrown)
    expect(failure).toMatchObject({
      code: 'DRIVER_MISSING',
      message: expect.stringMatching(/node:sqlite.*npm install better-sqlite3/),
    })
    const reasons = failure.cause.errors.map((error: Error) => error.message)
    expect(reasons).toEqual(['not found', 'the binary is for another Node'])
  })
})
