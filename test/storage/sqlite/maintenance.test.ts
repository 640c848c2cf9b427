import { closeSync, existsSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { doJob } from '../../../src/storage/sqlite/maintenance.js'
import { migrations } from '../../../src/storage/sqlite/migrations.js'
import { loadSqlite, openWriter } from '../../../src/storage/sqlite/open-database.js'
import type { SqliteDatabase } from '../../../src/storage/sqlite/sqlite-database.js'
import { sqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
import {
  enqueue,
  mailboxOf,
  patternBytes,
  put,
  sampleBatch,
  start,
  streamedSource,
} from '../../../src/testing/conformance/sample-batch.js'
import { describeSqlite } from './describe-sqlite.js'
import { gatedStorage } from './faulty-database.js'
import { temporaryFile } from './temporary-file.js'

const copies = [{ account: 'ann', mailbox: 'INBOX', internalDate: start }]

async function filledStorage(thread: boolean) {
  const path = temporaryFile()
  const storage = sqliteStorage({ path, thread })
  await put(storage, 'ann', 'INBOX', ['\\Seen'])
  await put(storage, 'ann')
  const message = streamedSource(patternBytes(1_000_000), 60_000)
  await storage.accept(sampleBatch({ message, copies }))
  await enqueue(storage, { address: 'cem@other.test' }, { address: 'dee@third.test', held: true })
  return { path, storage }
}

for (const thread of [true, false]) {
  describeSqlite(`maintenance of SQLite ${thread ? 'in a thread' : 'in the calling thread'}`, {}, () => {
    it('finds nothing wrong with a database that is right', async () => {
      const { storage } = await filledStorage(thread)
      const { id } = await mailboxOf(storage, 'ann')
      await storage.mail.expunge(id, [2])
      expect(await storage.check()).toEqual([])
      await storage.close()
    })

    it('makes a copy that can be opened, while messages come', async () => {
      const { storage } = await filledStorage(thread)
      const target = temporaryFile()
      const coming = Array.from({ length: 50 }, () => put(storage, 'ben'))
      await storage.backup(target)
      await Promise.all(coming)
      await expect(storage.backup(target)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
      const copy = sqliteStorage({ path: target, thread })
      expect(await copy.check()).toEqual([])
      expect((await mailboxOf(copy, 'ann')).messages).toBe(3)
      expect(await copy.queue.list()).toEqual(await storage.queue.list())
      await Promise.all([copy.close(), storage.close()])
    })

    it('gives the space of deleted messages back', async () => {
      const { storage } = await filledStorage(thread)
      for (let count = 0; count < 20; count++) {
        await storage.accept(sampleBatch({ message: streamedSource(patternBytes(200_000), 60_000), copies }))
      }
      const { id } = await mailboxOf(storage, 'ann')
      await storage.mail.expunge(
        id,
        (await storage.mail.list(id)).map(message => message.uid),
      )
      expect((await storage.stats()).freeBytes).toBeGreaterThan(3_900_000)
      expect(await storage.compact()).toBeGreaterThan(3_900_000)
      expect(await storage.stats()).toMatchObject({ freeBytes: 0, logBytes: 0 })
      expect(await storage.check()).toEqual([])
      await storage.close()
    })
  })
}

describeSqlite('check', {}, () => {
  const damages: readonly [sql: string, problem: RegExp][] = [
    ['UPDATE mailboxes SET unseen = unseen + 1', /counts .* unseen/],
    ['UPDATE mailboxes SET bytes = 1', /octets and has/],
    ['UPDATE mailboxes SET uid_next = 1', /ahead of the counters/],
    ['UPDATE mailboxes SET tombstones = 5', /tombstones/],
    ['INSERT INTO shared VALUES (1, 2)', /counts 2 references and has 1/],
    ['INSERT INTO shared VALUES (99, 2)', /are counted and it is not there/],
    ['UPDATE blobs SET size = size + 1 WHERE id = 3', /blob 3 has 1000001 octets and pieces of 1000000/],
    ['INSERT INTO blobs (size) VALUES (0)', /counts 1 references and has 0/],
    ['INSERT INTO doomed (blob, grace) VALUES (1, 1)', /counts 0 references and has 1/],
    ['INSERT INTO shared VALUES (1, 2); INSERT INTO doomed (blob, grace) VALUES (1, 1)', /used and marked/],
    ["INSERT INTO chunks VALUES (99 * 65536, x'00')", /belongs to no blob/],
    ['PRAGMA foreign_keys = OFF; DELETE FROM blobs WHERE id = 4', /queue entry \d+ has no bytes/],
    ['PRAGMA foreign_keys = OFF; DELETE FROM blobs WHERE id = 1', /message 1 of mailbox 1 has no bytes/],
    ['PRAGMA foreign_keys = OFF; DELETE FROM mailboxes', /refers to nothing in mailboxes/],
    ['DELETE FROM lanes', /first due/],
    ["INSERT INTO lanes VALUES ('', 'nobody.test', 0)", /nothing waits/],
    ['DELETE FROM state', /lost its state/],
    ['INSERT INTO state SELECT * FROM state', /lost its state/],
    ['UPDATE state SET next_blob = 4', /the next blob is 4 and there is one of 4/],
    [
      'UPDATE state SET last_uid_validity = (SELECT max(uid_validity) - 1 FROM mailboxes)',
      /the last UIDVALIDITY is \d+ and a mailbox has \d+/,
    ],
  ]
  it.each(damages)('finds what %s does', async (sql, problem) => {
    const { path, storage } = await filledStorage(false)
    const database = (await loadSqlite())(path)
    database.exec(sql)
    database.close()
    expect((await storage.check()).join('\n')).toMatch(problem)
    await storage.close()
  })
})

describeSqlite('check of a damaged file', {}, () => {
  it.each([
    ['a table', 'entries'],
    ['an index', 'messages_by_modseq'],
    ['the messages', 'messages'],
    ['what counts the others', 'state'],
  ])('finds a page of %s that was written over', async (_, name) => {
    const { path, storage } = await filledStorage(false)
    for (let count = 0; count < 50; count++) await put(storage, 'ann')
    const { root } = await pageOf(path, name)
    await storage.close()
    writeOver(path, root)
    const damaged = sqliteStorage({ path, thread: false })
    const problems = await damaged.check()
    expect(problems.length).toBeLessThanOrEqual(20)
    expect(problems.join('\n')).toMatch(/page \d+|malformed/)
    await damaged.close()
  })
})

/** The first page of a table or an index. */
async function pageOf(path: string, name: string) {
  const database = (await loadSqlite())(path)
  const row = database.prepare('SELECT rootpage AS root FROM sqlite_schema WHERE name = ?').get(name)
  database.close()
  return row as { root: number }
}

const pageSize = 16_384

function writeOver(path: string, page: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(pageSize, 0xa5), 0, pageSize, (page - 1) * pageSize)
  closeSync(file)
}

describeSqlite('giving space back', {}, () => {
  /** SQLite that answers as it does to who moves the log while others do, `refused` times. */
  async function refusingDatabase(refused: number) {
    const path = temporaryFile()
    const database = openWriter(await loadSqlite(), { path, busyTimeout: 1_000 })
    let asked = 0
    const refusing: SqliteDatabase = {
      exec: sql => database.exec(sql),
      close: () => database.close(),
      prepare: sql => {
        const statement = database.prepare(sql)
        const get = () => (++asked <= refused ? { busy: 1, log: -1, checkpointed: -1 } : statement.get())
        return sql.includes('wal_checkpoint') ? { ...statement, get } : statement
      },
    }
    return { database: refusing, logSize: () => statSync(`${path}-wal`).size, asked: () => asked }
  }

  it('waits for a thread that moves the log, which SQLite does not', async () => {
    const { database, logSize, asked } = await refusingDatabase(2)
    expect(logSize()).toBeGreaterThan(0)
    doJob(database, { kind: 'truncate' }, 1_000)
    expect(asked()).toBe(3)
    expect(logSize()).toBe(0)
    database.close()
  })

  it('does not wait for ever', async () => {
    const { database } = await refusingDatabase(Number.POSITIVE_INFINITY)
    expect(() => doJob(database, { kind: 'truncate' }, 30)).toThrow(/moves the log/)
    database.close()
  })
})

describeSqlite('a backup that fails', {}, () => {
  it('leaves neither the copy nor part of one', async () => {
    const path = temporaryFile()
    const target = temporaryFile()
    let attempts = 0
    const storage = gatedStorage(path, sql => {
      if (!sql.startsWith('VACUUM INTO')) return
      attempts++
      // What is there of the copy by the time something fails.
      writeFileSync(`${target}.partial`, 'half')
      throw Object.assign(new Error('injected'), { code: 'SQLITE_FULL' })
    })
    await put(storage, 'ann')
    await expect(storage.backup(target)).rejects.toMatchObject({ code: 'STORAGE_FULL', temporary: true })
    expect(attempts).toBe(1)
    expect(readdirSync(dirname(target))).toEqual([])
    await storage.close()
  })

  it.each([true, false])('says so where there is no such folder (thread: %s)', async thread => {
    const { storage } = await filledStorage(thread)
    const target = join(temporaryFile(), 'copy.db')
    await expect(storage.backup(target)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(existsSync(dirname(target))).toBe(false)
    await storage.close()
  })

  it('begins anew where one before it was killed half-way', async () => {
    const { storage } = await filledStorage(false)
    const target = temporaryFile()
    writeFileSync(`${target}.partial`, 'half')
    await storage.backup(target)
    expect(readdirSync(dirname(target))).toEqual(['mail.db'])
    await storage.close()
  })
})

describeSqlite('stats', {}, () => {
  it('says what the database holds and how many transactions made it', async () => {
    const { storage } = await filledStorage(false)
    const { commits, committedCalls } = await storage.stats()
    await Promise.all(Array.from({ length: 40 }, () => put(storage, 'ben')))
    const stats = await storage.stats()
    expect(stats).toMatchObject({ accounts: 2, mailboxes: 2, messages: 43, schema: migrations.length })
    expect(stats.queue).toEqual({ waiting: 1, leased: 0, held: 1, dead: 0 })
    expect(stats.fileBytes + stats.logBytes).toBeGreaterThan(1_000_000)
    expect(stats.committedCalls - committedCalls).toBe(40)
    expect(stats.commits - commits).toBe(1)
    await storage.close()
  })
})
