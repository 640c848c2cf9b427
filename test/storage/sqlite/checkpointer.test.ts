import { mkdirSync, statSync } from 'node:fs'
import { watch } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, it, vi } from 'vitest'
import { bytesSource } from '../../../src/message/sources.js'
import { Checkpointer } from '../../../src/storage/sqlite/checkpointer.js'
import { loadSqlite, openWriter } from '../../../src/storage/sqlite/open-database.js'
import type { SqliteDatabase } from '../../../src/storage/sqlite/sqlite-database.js'
import { sqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
import { sampleBatch, start } from '../../../src/testing/conformance/sample-batch.js'
import { describeSqlite } from './describe-sqlite.js'
import { temporaryFile } from './temporary-file.js'

const megabyte = 1024 * 1024
const copies = [{ account: 'ann', mailbox: 'INBOX', internalDate: start }]
const threads: string[] = []
/** What the threads were told. */
let told: string[] = []
let whenTold = () => {}

vi.mock('../../../src/storage/sqlite/start-thread.js', async load => {
  const { startThread } = await load<typeof import('../../../src/storage/sqlite/start-thread.js')>()
  return {
    startThread: (...args: Parameters<typeof startThread>) => {
      threads.push(args[0])
      const thread = startThread(...args)
      vi.spyOn(thread, 'postMessage').mockImplementation(function (this: Worker, message) {
        told.push(message)
        whenTold()
        Worker.prototype.postMessage.call(this, message)
      })
      return thread
    },
  }
})

/** A database whose calls are told; `next` resolves with the next one that matches. */
async function watchedDatabase(path: string) {
  const database = openWriter(await loadSqlite(), { path, busyTimeout: 1_000 })
  const waiting: { pattern: RegExp; resolve: () => void }[] = []
  const tell = (sql: string) => {
    for (const { pattern, resolve } of waiting) if (pattern.test(sql)) resolve()
  }
  const watched: SqliteDatabase = {
    prepare: sql => {
      tell(sql)
      return database.prepare(sql)
    },
    exec: sql => {
      tell(sql)
      return database.exec(sql)
    },
    close: () => database.close(),
  }
  const next = (pattern: RegExp) => new Promise<void>(resolve => waiting.push({ pattern, resolve }))
  return { database: watched, next }
}

/** Pages in the log. */
function pagesIn(database: SqliteDatabase): number {
  return (database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() as { log: number }).log
}

/** Resolves when a file has so many octets. */
async function grown(path: string, size: number): Promise<void> {
  for await (const _ of watch(path)) if (statSync(path).size >= size) return
}

function write(database: SqliteDatabase, bytes: number): void {
  database.prepare('INSERT INTO blobs (size, data) VALUES (?, zeroblob(?))').run(bytes, bytes)
}

describeSqlite('the log', {}, () => {
  afterEach(() => {
    threads.length = 0
    told = []
    whenTold = () => {}
  })

  it('is moved into the database beside the commits, and written from its beginning after that', async () => {
    const path = temporaryFile()
    const { database, next } = await watchedDatabase(path)
    const checkpointer = new Checkpointer(database, { path, busyTimeout: 1_000 })
    const restMoved = next(/wal_checkpoint/)
    write(database, 17 * megabyte)
    checkpointer.committed(17 * megabyte)
    // This one comes while the thread is at work.
    write(database, megabyte)
    await restMoved
    write(database, 10)
    expect(pagesIn(database)).toBeLessThan(20)
    await checkpointer.close()
    database.close()
  })

  it('is moved again by the thread where much was written meanwhile, and again when it is long', async () => {
    const path = temporaryFile()
    const { database, next } = await watchedDatabase(path)
    const checkpointer = new Checkpointer(database, { path, busyTimeout: 1_000 })
    const commit = (size: number) => {
      write(database, size * megabyte)
      checkpointer.committed(size * megabyte)
    }
    const first = next(/wal_checkpoint/)
    commit(17)
    commit(3)
    await first
    expect(told).toEqual(['checkpoint', 'checkpoint'])
    const second = next(/wal_checkpoint/)
    commit(2)
    commit(2)
    await second
    expect(told).toHaveLength(3)
    await checkpointer.close()
    database.close()
  })

  it('is moved by the thread that writes in the end, where it grows as fast as it is moved', async () => {
    const path = temporaryFile()
    const { database, next } = await watchedDatabase(path)
    const checkpointer = new Checkpointer(database, { path, busyTimeout: 1_000 })
    const moved = next(/wal_checkpoint/)
    whenTold = () => checkpointer.committed(2 * megabyte)
    checkpointer.committed(17 * megabyte)
    await moved
    expect(told).toHaveLength(10)
    await checkpointer.close()
    database.close()
  })

  it('is left alone while little is written', async () => {
    const path = temporaryFile()
    const { database } = await watchedDatabase(path)
    const checkpointer = new Checkpointer(database, { path, busyTimeout: 1_000 })
    write(database, megabyte)
    checkpointer.committed(megabyte)
    expect(threads).toEqual([])
    await checkpointer.close()
    database.close()
  })

  it('is moved by SQLite where the thread died, and by another thread the next time', async () => {
    const { database, next } = await watchedDatabase(temporaryFile())
    const folder = join(dirname(temporaryFile()), 'none yet')
    const checkpointer = new Checkpointer(database, { path: join(folder, 'mail.db'), busyTimeout: 1_000 })
    const givenUp = next(/wal_autocheckpoint = 1000/)
    checkpointer.committed(17 * megabyte)
    await givenUp
    mkdirSync(folder)
    const taken = next(/wal_autocheckpoint = 4000/)
    const restMoved = next(/wal_checkpoint/)
    checkpointer.committed(17 * megabyte)
    await Promise.all([taken, restMoved])
    expect(threads).toHaveLength(2)
    await checkpointer.close()
    database.close()
  })

  it('has 4,000 pages and those of one commit at most where the thread does not get to it', async () => {
    const path = temporaryFile()
    const { database } = await watchedDatabase(path)
    const checkpointer = new Checkpointer(database, { path, busyTimeout: 1_000 })
    for (let written = 0; written < 100; written++) write(database, megabyte)
    expect(statSync(`${path}-wal`).size).toBeLessThan((4_000 + 70) * (16_384 + 24))
    await checkpointer.close()
    database.close()
  })

  it('is moved while messages come, and closing does not wait for a thread that moves it', async () => {
    const path = temporaryFile()
    const storage = sqliteStorage({ path })
    await storage.open()
    const moved = grown(path, 16 * megabyte)
    const message = bytesSource(Buffer.alloc(250_000, 'a line of text, as long as others\r\n'))
    const store = () => storage.accept(sampleBatch({ message, copies }))
    // Less than SQLite would move by itself.
    for (let round = 0; round < 8; round++) await Promise.all(Array.from({ length: 20 }, store))
    await moved
    await Promise.all(Array.from({ length: 80 }, store))
    expect(await storage.check()).toEqual([])
    await storage.close()
  })
})
