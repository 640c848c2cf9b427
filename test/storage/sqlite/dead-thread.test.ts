import type { Worker } from 'node:worker_threads'
import { afterEach, expect, it, vi } from 'vitest'
import { sqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
import { mailboxOf, put } from '../../../src/testing/conformance/sample-batch.js'
import { describeSqlite } from './describe-sqlite.js'
import { temporaryFile } from './temporary-file.js'

const threads: Worker[] = []

vi.mock('../../../src/storage/sqlite/start-thread.js', async load => {
  const { startThread } = await load<typeof import('../../../src/storage/sqlite/start-thread.js')>()
  return {
    startThread: (...args: Parameters<typeof startThread>) => {
      const thread = startThread(...args)
      threads.push(thread)
      return thread
    },
  }
})

const broken = { code: 'STORAGE_FAILED', temporary: true }

describeSqlite('a thread that dies', {}, () => {
  afterEach(() => {
    threads.length = 0
  })

  it('fails the calls it had in hand as temporary, and is started again by the next one', async () => {
    const storage = sqliteStorage({ path: temporaryFile() })
    await put(storage, 'ann')
    const [thread] = threads
    // It ends with what it was handed, before it could begin.
    thread && vi.spyOn(thread, 'postMessage').mockImplementation(() => void thread.terminate())
    const outcomes = await Promise.allSettled([put(storage, 'ann'), put(storage, 'ann', 'Work')])
    expect(outcomes).toMatchObject([{ reason: broken }, { reason: broken }])
    expect((await put(storage, 'ann')).copies[0]?.uid).toBe(2)
    expect((await mailboxOf(storage, 'ann')).messages).toBe(2)
    expect(threads).toHaveLength(2)
    expect(await storage.check()).toEqual([])
    await storage.close()
  })

  it('is started again however often it dies while nobody calls', async () => {
    const storage = sqliteStorage({ path: temporaryFile() })
    for (let uid = 1; uid <= 3; uid++) {
      expect((await put(storage, 'ann')).copies[0]?.uid).toBe(uid)
      await threads.at(-1)?.terminate()
    }
    await storage.close()
    expect(threads).toHaveLength(3)
  })

  it('is not left behind by a storage that is closed while it opens', async () => {
    const storage = sqliteStorage({ path: temporaryFile() })
    const opening = storage.open()
    await storage.close()
    expect(threads.map(({ threadId }) => threadId)).toEqual([-1])
    await opening
  })
})
