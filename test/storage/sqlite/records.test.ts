import { expect, it } from 'vitest'
import { sqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
import { lease, start } from '../../../src/testing/conformance/sample-batch.js'
import { describeSqlite } from './describe-sqlite.js'
import { temporaryFile } from './temporary-file.js'

describeSqlite('records in SQLite', {}, () => {
  it('go when they expired, as far as the instants that pass by show, however many they are', async () => {
    await using storage = sqliteStorage({ path: temporaryFile(), thread: false })
    const { records } = storage
    const put = (key: string, expiresAt: number) => records.put({ space: 'notes', key, value: '', expiresAt })
    await Promise.all(Array.from({ length: 5_000 }, (_, index) => put(`n${index}`, start + 100)))
    await put('later', start + 200_000)
    const left = async () => (await records.list('notes', { limit: 9_000 })).length
    await lease(storage, start + 99)
    expect(await left()).toBe(5_001)
    // One instant alone may be from a clock that jumped.
    await lease(storage, start + 61_000)
    expect(await left()).toBe(5_001)
    for (let round = 1; round <= 4; round++) await lease(storage, start + 122_000 + round)
    expect(await left()).toBe(1)
  })

  it('are counted by two processes at once', async () => {
    const path = temporaryFile()
    await using one = sqliteStorage({ path })
    await using two = sqliteStorage({ path, thread: false })
    const record = { space: 'notes', key: 'n', value: '' }
    const adding = [one, two].flatMap(({ records }) =>
      Array.from({ length: 50 }, () => records.add(record, 1)),
    )
    await Promise.all(adding)
    expect((await one.records.get('notes', 'n'))?.count).toBe(100)
  })
})
