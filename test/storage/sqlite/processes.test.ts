import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { sqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
import type { StorageChange } from '../../../src/storage/storage.js'
import {
  enqueue,
  lease,
  mailboxOf,
  put,
  sampleBatch,
  settled,
  start,
} from '../../../src/testing/conformance/sample-batch.js'
import { describeSqlite } from './describe-sqlite.js'
import { temporaryFile } from './temporary-file.js'

const program = fileURLToPath(new URL('./worker-process.ts', import.meta.url))

async function inProcess<T>(task: string, path: string): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, task, path])
  return JSON.parse(stdout)
}

function inProcesses<T>(count: number, task: string, path: string): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, () => inProcess<T>(task, path)))
}

describeSqlite('several processes on one database', { timeout: 60_000 }, () => {
  it('make it together, and give each message of a mailbox a UID of its own', async () => {
    const path = temporaryFile()
    const uids = (await inProcesses<number[]>(3, 'put', path)).flat().sort((a, b) => a - b)
    expect(uids).toEqual(Array.from({ length: 300 }, (_, index) => index + 1))
    const storage = sqliteStorage({ path })
    expect(await mailboxOf(storage, 'ann')).toMatchObject({ messages: 300, uidNext: 301, highestModseq: 301 })
    expect((await storage.stats()).messages).toBe(600)
    expect(await storage.check()).toEqual([])
    await storage.close()
  })

  it('lease each queue entry once', async () => {
    const path = temporaryFile()
    const storage = sqliteStorage({ path })
    await Promise.all(
      Array.from({ length: 90 }, (_, index) => enqueue(storage, { address: `cem@host${index % 7}.test` })),
    )
    const leased = (await inProcesses<string[]>(3, 'lease', path)).flat()
    expect(leased).toHaveLength(90)
    expect(new Set(leased).size).toBe(90)
    await storage.close()
  })

  it('give a lock to one of them', async () => {
    const path = temporaryFile()
    const answers = await inProcesses<boolean>(3, 'lock', path)
    expect(answers.filter(Boolean)).toHaveLength(1)
  })

  it('have a lock that another released, or left to expire, and none before', async () => {
    const path = temporaryFile()
    const storage = sqliteStorage({ path })
    const { locks } = storage
    const acquire = (now: number) => locks.acquire('inbox of ann', 'one', now, now + 60_000)
    expect(await acquire(start)).toBe(true)
    expect(await inProcess('lock', path)).toBe(false)
    expect(await inProcess('takeOver', path)).toEqual([false, true])
    expect(await acquire(start + 119_999)).toBe(false)
    expect(await acquire(start + 120_000)).toBe(true)
    await locks.release('inbox of ann', 'one')
    expect(await inProcess('lock', path)).toBe(true)
    await storage.close()
  })

  it('settle nothing of a lease that ran out and was taken by another', async () => {
    const path = temporaryFile()
    const storage = sqliteStorage({ path })
    await enqueue(storage, { address: 'cem@other.test' })
    const [entry] = await lease(storage, start)
    if (!entry) throw new Error('nothing was leased')
    expect(await inProcess('leaseAgain', path)).toEqual([entry.id])
    const before = await storage.queue.list()
    const accept = [sampleBatch({ copies: [{ account: 'ann', mailbox: 'INBOX', internalDate: start }] })]
    const result = await storage.queue.settle({ entries: [settled(entry, { state: 'done' })], accept })
    expect(result).toEqual({ settled: false, lost: [entry.id] })
    expect(await storage.queue.renew([entry], start + 200_000)).toEqual([entry.id])
    expect(await storage.queue.list()).toEqual(before)
    expect((await storage.mail.usage('ann')).messages).toBe(0)
    await storage.close()
  })

  it('tell each other of changes, with the counters from before', async () => {
    const path = temporaryFile()
    const storage = sqliteStorage({ path, pollInterval: 10 })
    await put(storage, 'ann')
    const before = await mailboxOf(storage, 'ann')
    const told: StorageChange[] = []
    const both = new Promise<void>(resolve => {
      storage.subscribe(change => {
        told.push(change)
        if (told.length === 2) resolve()
      })
    })
    await inProcess('flag', path)
    await both
    expect(told).toContainEqual({ kind: 'mailboxes', account: 'ben' })
    expect(told).toContainEqual({
      kind: 'messages',
      account: 'ann',
      mailbox: 'INBOX',
      modseq: before.highestModseq + 1,
      before: { modseq: before.highestModseq, uidNext: before.uidNext },
    })
    await put(storage, 'ann')
    expect(told).toHaveLength(3)
    await storage.close()
  })
})
