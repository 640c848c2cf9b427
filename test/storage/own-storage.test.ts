import { describe, it } from 'vitest'
import { journalStorage } from '../../examples/own-storage/journal-storage.js'
import type { Storage } from '../../src/storage/storage.js'
import { describeStorage } from '../../src/testing/conformance/storage-conformance.js'
import { temporaryDirectory } from '../testing-tools/temporary-directory.js'

let directory: string
const open = () => journalStorage({ directory })
const create = () => {
  directory = temporaryDirectory()
  return open()
}
const reopen = (storage: Storage) => storage.close().then(open)

describe('journalStorage', () => describeStorage({ describe, it, create, reopen }))
