import { describe, it } from 'vitest'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js'
import type { Storage } from '../../src/storage/storage.js'
import { describeStorage } from '../../src/testing/conformance/storage-conformance.js'
import { describeSqlite } from './sqlite/describe-sqlite.js'
import { temporaryFile } from './sqlite/temporary-file.js'

for (const thread of [true, false]) {
  let path: string
  const open = () => sqliteStorage({ path, thread })
  const create = () => {
    path = temporaryFile()
    return open()
  }
  const reopen = (storage: Storage) => storage.close().then(open)
  const name = `sqliteStorage (thread: ${thread})`
  describeSqlite(name, {}, () => describeStorage({ describe, it, create, reopen }))
}
