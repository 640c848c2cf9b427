import { afterEach, beforeEach, describe, onTestFinished } from 'vitest'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js'
import type { Storage } from '../../src/storage/storage.js'
import { describeSqlite } from '../storage/sqlite/describe-sqlite.js'

const inMemory = (): Storage => memoryStorage()
const inSqlite = (): Storage => sqliteStorage({ path: ':memory:' })

let create = inMemory

/** A storage of the kind that the test is run with, in memory outside {@link describeStorages}; closed after the test. */
export function newStorage(): Storage {
  const storage = create()
  onTestFinished(() => storage.close())
  return storage
}

/** `describe` for tests that are run with each kind of storage, as they differ in what the contract leaves open. */
export function describeStorages(name: string, body: () => void): void {
  const runWith = (kind: () => Storage) => () => {
    beforeEach(() => {
      create = kind
    })
    afterEach(() => {
      create = inMemory
    })
    body()
  }
  describe(`${name}, in memory`, runWith(inMemory))
  describeSqlite(`${name}, in SQLite`, {}, runWith(inSqlite))
}
