import { describe, it } from 'vitest'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js'
import { describeStorage } from '../../src/testing/conformance/storage-conformance.js'
import { temporaryFile } from './sqlite/temporary-file.js'

describe('sqliteStorage', () => {
  describeStorage({
    describe,
    it,
    create: () => sqliteStorage({ path: temporaryFile(), thread: false }),
  })
})
