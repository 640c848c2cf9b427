import { expect, it } from 'vitest'
import type { SqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
import {
  enqueue,
  lease,
  mailboxOf,
  patternBytes,
  put,
  sampleBatch,
  sampleQueued,
  settled,
  start,
  streamedSource,
} from '../../../src/testing/conformance/sample-batch.js'
import { describeSqlite } from './describe-sqlite.js'
import { gatedStorage } from './faulty-database.js'
import { temporaryFile } from './temporary-file.js'

/** What can be told apart from outside, before and after. */
async function stateOf(storage: SqliteStorage) {
  const accounts = await Promise.all(
    ['ann', 'ben'].map(async account => {
      const mailboxes = await storage.mail.mailboxes(account)
      const messages = await Promise.all(mailboxes.map(({ id }) => storage.mail.list(id)))
      const vanished = await Promise.all(mailboxes.map(({ id }) => storage.mail.vanished(id, 1)))
      return { mailboxes, messages, vanished, usage: await storage.mail.usage(account) }
    }),
  )
  const [queue, counts] = [await storage.queue.list(), await storage.queue.counts()]
  return { accounts, queue, counts, records: await storage.records.list('notes') }
}

/** The state, with what is chance in it (ids of blobs among them, which are taken anew after a failure) by its order. */
function comparable(state: unknown): unknown {
  const seen = new Map<string, number>()
  return JSON.parse(
    JSON.stringify(state, (key, value) => {
      if (!['blob', 'uidValidity', 'traceId'].includes(key)) return value
      const name = `${key} ${value}`
      if (!seen.has(name)) seen.set(name, seen.size)
      return seen.get(name)
    }),
  )
}

const inbox = (account: string) => ({ account, mailbox: 'INBOX', internalDate: start })

/** What is tried: each readies what it needs, and gives what is done, maybe more than once. */
const acts: Readonly<Record<string, (storage: SqliteStorage) => Promise<() => Promise<unknown>>>> = {
  accept: async storage => {
    const batch = sampleBatch({
      copies: [inbox('ann'), { ...inbox('ben'), mailbox: 'Lists/new' }],
      queued: sampleQueued([{ address: 'eli@other.test' }]),
    })
    return () => storage.accept(batch)
  },
  'accept of several pieces': async storage => {
    const message = streamedSource(patternBytes(600_000), 60_000)
    const batch = sampleBatch({ message, copies: [inbox('ann')] })
    return () => storage.accept(batch)
  },
  settle: async storage => {
    const leased = await lease(storage, start)
    const entries = leased.map((entry, index) =>
      settled(entry, index ? { state: 'done' } : { state: 'waiting', dueAt: start + 5 }),
    )
    const accept = [sampleBatch({ copies: [inbox('ann')] })]
    const records = ['one', 'two'].map(key => ({ space: 'notes', key, value: 'settled' }))
    return () => storage.queue.settle({ entries, accept, records })
  },
  expunge: async storage => {
    const { id } = await mailboxOf(storage, 'ann')
    return () => storage.mail.expunge(id, [1, 2])
  },
  move: async storage => {
    const [{ id }, work] = [await mailboxOf(storage, 'ann'), await mailboxOf(storage, 'ann', 'Work')]
    return () => storage.mail.move(id, [1, 2], work.id, start)
  },
  copy: async storage => {
    const [{ id }, work] = [await mailboxOf(storage, 'ann'), await mailboxOf(storage, 'ann', 'Work')]
    return () => storage.mail.copy(id, [1, 2], work.id, start)
  },
  flags: async storage => {
    const { id } = await mailboxOf(storage, 'ann')
    const uids = [{ from: 1, to: 2 }]
    return () => storage.mail.setFlags(id, { uids, mode: 'add', flags: ['\\Seen'] })
  },
  lease: async storage => () => lease(storage, start),
  'rename of INBOX': async storage => () => storage.mail.renameMailbox('ann', 'INBOX', 'Old'),
  deletion: async storage => () => storage.mail.deleteMailbox('ann', 'Work'),
  drop: async storage => {
    const ids = (await storage.queue.list()).map(entry => entry.id)
    const records = new Map(ids.map(key => [key, [{ space: 'notes', key, value: 'dropped' }]]))
    return () => storage.queue.drop(ids, records)
  },
  listing: async storage => {
    const { id } = await mailboxOf(storage, 'ann')
    return () => storage.mail.list(id)
  },
}

const prepare = async (storage: SqliteStorage) => {
  for (const mailbox of ['INBOX', 'INBOX', 'Work']) await put(storage, 'ann', mailbox)
  await storage.mail.mailboxes('ben')
  await enqueue(storage, { address: 'cem@other.test' }, { address: 'dee@third.test' })
}

/**
 * Storage whose database call number `failing` fails, counted from `arm()` on, and with `again` each call like it: a group
 * in which a command failed is run a second time.
 */
function faultyStorage(failing: number, again: boolean) {
  let calls = Number.NaN
  const faults: string[] = []
  const storage = gatedStorage(temporaryFile(), sql => {
    if (++calls !== failing && !(again && calls > failing && sql === faults[0])) return
    faults.push(sql)
    throw Object.assign(new Error('injected'), failing % 2 ? {} : { code: 'SQLITE_FULL' })
  })
  const arm = () => {
    calls = 0
  }
  const disarm = () => {
    calls = Number.NaN
  }
  return { storage, faults, arm, disarm }
}

/** What an act leaves where nothing fails. */
async function stateAfter(act: (typeof acts)[string]): Promise<unknown> {
  const { storage } = faultyStorage(Number.POSITIVE_INFINITY, false)
  await prepare(storage)
  await (await act(storage))()
  const state = comparable(await stateOf(storage))
  await storage.close()
  return state
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    thrown => thrown,
  )

describeSqlite('a database whose calls fail, one at a time', { timeout: 60_000 }, () => {
  for (const [name, act, again] of Object.entries(acts).flatMap(([name, act]) => [
    [name, act, false] as const,
    [name, act, true] as const,
  ])) {
    it(`${name}, ${again ? 'again and again' : 'once'}: all or nothing, and it goes on`, async () => {
      const done = await stateAfter(act)
      let failures = 0
      for (let failing = 1, reached = true; reached; failing++) {
        const { storage, faults, arm, disarm } = faultyStorage(failing, again)
        await prepare(storage)
        const deed = await act(storage)
        const before = await stateOf(storage)
        arm()
        const failure = await failureOf(deed())
        disarm()
        reached = faults.length > 0
        const fault = `call ${failing}: ${faults[0]}`
        expect(await storage.check(), fault).toEqual([])
        if (failure !== undefined) {
          const code = failing % 2 ? 'STORAGE_FAILED' : 'STORAGE_FULL'
          expect(failure, fault).toMatchObject({ code, temporary: true })
          expect(await stateOf(storage), fault).toEqual(before)
          failures++
          expect(await failureOf(deed()), `after ${fault}`).toBeUndefined()
          expect(await storage.check(), `after ${fault}`).toEqual([])
        }
        expect(comparable(await stateOf(storage)), `in the end, after ${fault}`).toEqual(done)
        await storage.close()
      }
      // What fails once within a command is made good by the second run.
      expect(failures).toBeGreaterThan(again ? 1 : 0)
    })
  }

  it('begins afresh after a commit that failed and could not be rolled back', async () => {
    let broken = false
    const storage = gatedStorage(temporaryFile(), sql => {
      if (broken && /^(COMMIT|ROLLBACK)/.test(sql)) throw new Error('injected')
    })
    await put(storage, 'ann')
    broken = true
    await expect(put(storage, 'ann')).rejects.toMatchObject({ code: 'STORAGE_FAILED', temporary: true })
    broken = false
    expect((await put(storage, 'ann')).copies[0]?.uid).toBe(2)
    expect(await storage.check()).toEqual([])
    await storage.close()
  })
})
