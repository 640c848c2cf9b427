import type { Storage } from '../../storage/storage.js'
import { acceptTests } from './accept-tests.js'
import { blobTests } from './blob-tests.js'
import { changeTests } from './change-tests.js'
import { durabilityTests } from './durability-tests.js'
import { leaseTests } from './lease-tests.js'
import { lockTests } from './lock-tests.js'
import { mailboxTests } from './mailbox-tests.js'
import { messageTests } from './message-tests.js'
import { modelTests } from './model-tests.js'
import { queueTests } from './queue-tests.js'
import { recordTests } from './record-tests.js'
import { settlementTests } from './settlement-tests.js'
import type { TestFunctions } from './test-functions.js'

/** What {@link describeStorage} needs to know. */
export interface StorageConformanceOptions extends TestFunctions {
  /** Makes an empty storage; called for each test, which closes it. */
  create(): Storage | Promise<Storage>
  /** Closes a storage and opens the same data again. Left out where nothing outlives the storage. */
  reopen?(storage: Storage): Promise<Storage>
}

/** Defines a test that gets a storage of its own. */
export type StorageTest = (name: string, run: (storage: Storage) => Promise<void>) => void

/**
 * Defines the tests that every driver of the storage contract must pass, with any runner's functions:
 *
 * ```ts
 * describeStorage({ describe, it, create: () => sqliteStorage({ path: ':memory:' }) })
 * ```
 */
export function describeStorage({ describe, it, create, reopen }: StorageConformanceOptions): void {
  const test: StorageTest = (name, run) => {
    it(name, async () => {
      const storage = await create()
      try {
        await run(storage)
      } finally {
        await storage.close()
      }
    })
  }
  describe('blobs', () => blobTests(test))
  describe('accept', () => acceptTests(test))
  describe('mailboxes', () => mailboxTests(test))
  describe('messages', () => messageTests(test))
  describe('queue', () => queueTests(test))
  describe('leases', () => leaseTests(test))
  describe('settlements', () => settlementTests(test))
  describe('locks', () => lockTests(test))
  describe('records', () => recordTests(test))
  describe('changes', () => changeTests(test))
  describe('random sequences', () => modelTests(test))
  if (reopen) describe('durability', () => durabilityTests({ it, create, reopen }))
}
