import { expect, it } from 'vitest'
import { Connection } from '../../../src/storage/sqlite/connection.js'
import { loadSqlite } from '../../../src/storage/sqlite/open-database.js'
import { SqliteStorageDriver, sqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
import type { Storage, StorageChange } from '../../../src/storage/storage.js'
import { createMailStore } from '../../../src/store/create-mail-store.js'
import { mailboxOf, put } from '../../../src/testing/conformance/sample-batch.js'
import { describeSqlite } from './describe-sqlite.js'
import { gatedStorage } from './faulty-database.js'
import { temporaryFile } from './temporary-file.js'

/** What a storage told, and a wait for more. */
function listen(storage: Storage) {
  const told: StorageChange[] = []
  let wake = () => {}
  storage.subscribe(change => {
    told.push(change)
    wake()
  })
  const until = async (count: number) => {
    while (told.length < count) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  return { told, until }
}

const modseqs = (told: readonly StorageChange[]) =>
  told.map(change => (change.kind === 'messages' ? change.modseq : change.kind))

describeSqlite('changes of several storages on one file', {}, () => {
  it('are told in commit order, without waiting for the next look', async () => {
    const path = temporaryFile()
    const one = sqliteStorage({ path, thread: false, pollInterval: '1h' })
    const other = sqliteStorage({ path, thread: false })
    await put(one, 'ann')
    const { highestModseq } = await mailboxOf(one, 'ann')
    const { told, until } = listen(one)
    await put(other, 'ann')
    await put(one, 'ann')
    await put(other, 'ann')
    await put(other, 'ann')
    await put(one, 'ann')
    await put(one, 'ann')
    await until(6)
    expect(modseqs(told)).toEqual([1, 2, 3, 4, 5, 6].map(step => highestModseq + step))
    await Promise.all([one.close(), other.close()])
  })

  it('reach a reader of the store, each message once', async () => {
    const path = temporaryFile()
    const one = sqliteStorage({ path, pollInterval: '1h' })
    const other = sqliteStorage({ path })
    const store = createMailStore({ storage: one })
    for (let count = 0; count < 2; count++) await put(one, 'ann')
    const changes = store.changes({ account: 'ann' })[Symbol.asyncIterator]()
    await put(other, 'ann')
    await put(one, 'ann')
    const told = [await changes.next(), await changes.next()].map(({ value }) => value)
    expect(told).toMatchObject([
      { kind: 'added', message: { uid: 3 } },
      { kind: 'added', message: { uid: 4 } },
    ])
    await store.close()
    await Promise.all([one.close(), other.close()])
  })

  it('are told also when they are committed in the middle of a look', async () => {
    const path = temporaryFile()
    const names = ['a', 'b', 'c', 'd', 'e']
    const left: string[] = []
    const commitNext = () => {
      const account = left.shift()
      if (account === undefined) return
      other.exec(`INSERT INTO changes (origin, kind, account) VALUES ('other', 'mailboxes', '${account}')`)
    }
    const storage = gatedStorage(path, sql => /^SELECT .* FROM changes/.test(sql) && commitNext(), 10)
    await storage.open()
    const other = (await loadSqlite())(path)
    const { told, until } = listen(storage)
    left.push(...names)
    commitNext()
    await until(names.length)
    expect(told).toEqual(names.map(account => ({ kind: 'mailboxes', account })))
    other.close()
    await storage.close()
  })

  it('cost nothing to read while nobody listens, or nobody else writes', async () => {
    const read: string[] = []
    const storage = gatedStorage(temporaryFile(), sql => {
      if (/^SELECT .* FROM changes/.test(sql)) read.push(sql)
    })
    await put(storage, 'ann')
    expect(read).toEqual([])
    const { told } = listen(storage)
    expect(read).toHaveLength(1)
    for (let count = 0; count < 5; count++) await put(storage, 'ann')
    expect(told).toHaveLength(5)
    expect(read).toHaveLength(1)
    await storage.close()
  })

  it('are told from when somebody listens, and not what was before', async () => {
    const path = temporaryFile()
    const storage = sqliteStorage({ path, thread: false, pollInterval: '1h' })
    const other = sqliteStorage({ path, thread: false })
    await put(storage, 'ann')
    await put(other, 'ben')
    const { told } = listen(storage)
    await put(storage, 'cem')
    expect(told).toMatchObject([{ kind: 'messages', account: 'cem' }])
    await Promise.all([storage.close(), other.close()])
  })
})

describeSqlite('a storage that only listens', {}, () => {
  it('hears of what others commit', async () => {
    const path = temporaryFile()
    let begin = () => {}
    const begun = new Promise<void>(resolve => {
      begin = resolve
    })
    const storage = gatedStorage(path, sql => sql.startsWith('SELECT max(seq)') && begin(), 10)
    const { told, until } = listen(storage)
    await begun
    const other = sqliteStorage({ path, thread: false })
    await put(other, 'ann')
    await until(1)
    expect(told).toMatchObject([{ kind: 'messages', account: 'ann' }])
    await Promise.all([storage.close(), other.close()])
  })

  it('tries again when the database cannot be opened', async () => {
    const path = temporaryFile()
    const other = sqliteStorage({ path, thread: false })
    let attempts = 0
    const load = async () => {
      if (++attempts < 3) throw new Error('injected')
      return loadSqlite()
    }
    const settings = { path, pollInterval: 10, busyTimeout: 2_000, thread: false }
    const storage = new SqliteStorageDriver(new Connection(settings, load))
    const { told, until } = listen(storage)
    const coming = (async () => {
      while (told.length === 0) await put(other, 'ann')
    })()
    await until(1)
    await coming
    expect(attempts).toBe(3)
    await Promise.all([storage.close(), other.close()])
  })

  it('is closed also while it is being opened', async () => {
    const storage = sqliteStorage({ path: temporaryFile() })
    const { told } = listen(storage)
    await storage.close()
    expect(told).toEqual([])
  })
})
