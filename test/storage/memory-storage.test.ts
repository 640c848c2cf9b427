import { describe, it } from 'vitest'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { describeStorage } from '../../src/testing/conformance/storage-conformance.js'

describe('memoryStorage', () => {
  describeStorage({ describe, it, create: () => memoryStorage() })
})
