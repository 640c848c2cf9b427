import { join } from 'node:path'
import { expect, it } from 'vitest'
import { migrations } from '../../../src/storage/sqlite/migrations.js'
import { loadSqlite, schemaVersion } from '../../../src/storage/sqlite/open-database.js'
import { sqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
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
          queued_at, state, due_at, due_before)
        VALUES (1, 1, 't', 1, 2, '{"sender":"a@B.test"}', 'a@B.test', '{"address":"c@d.test"}', 'c@d.test', 'd.test',
          0, 'waiting', 0, 0);
      INSERT INTO lanes VALUES ('d.test', 0)`)
    first.close()
    const storage = sqliteStorage({ path, thread: false })
    expect(await storage.check()).toEqual([])
    expect(await mailboxOf(storage, 'ann')).toMatchObject({ uidValidity: 7, uidNext: 2, messages: 1 })
    const request = { now: start, expiresAt: start + 1, limit: 9 }
    expect(await storage.queue.lease({ ...request, exceptSenders: new Set(['b.test']) })).toEqual([])
    const [entry] = await storage.queue.lease(request)
    expect(entry).toMatchObject({ recipient: { address: 'c@d.test' } })
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

  it('leaves a database as it was when it cannot be brought up to date', async () => {
    const path = temporaryFile()
    const first = (await loadSqlite())(path)
    // What the next step makes is there already.
    first.exec(`${migrations[0]}; PRAGMA user_version = 1; ALTER TABLE entries ADD COLUMN owner TEXT`)
    const storage = sqliteStorage({ path, thread: false })
    await expect(storage.open()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    await storage.close()
    expect(schemaVersion(first)).toBe(1)
    first.close()
  })

  it('refuses a file that is no database', async () => {
    const storage = sqliteStorage({ path: new URL(import.meta.url).pathname, thread: false })
    await expect(storage.open()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    await storage.close()
  })

  it('names both packages when there is no SQLite', async () => {
    const nothing = () => Promise.reject(new Error('not found'))
    await expect(loadSqlite(nothing)).rejects.toMatchObject({
      code: 'DRIVER_MISSING',
      message: expect.stringContaining('npm install better-sqlite3'),
    })
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
