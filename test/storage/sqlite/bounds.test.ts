import { expect, it } from 'vitest'
import { loadSqlite } from '../../../src/storage/sqlite/open-database.js'
import { type SqliteStorage, sqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
import type { Storage, StorageChange } from '../../../src/storage/storage.js'
import {
  mailboxOf,
  patternBytes,
  put,
  sampleBatch,
  start,
  streamedSource,
} from '../../../src/testing/conformance/sample-batch.js'
import { describeSqlite } from './describe-sqlite.js'
import { temporaryFile } from './temporary-file.js'

const minute = 60_000
const hour = 60 * minute
const inbox = { account: 'ann', mailbox: 'INBOX', internalDate: start }

/** Shows that it is `now`. */
function pass(storage: Storage, now: number) {
  return storage.queue.lease({ now, expiresAt: now + 1, limit: 0 })
}

/** Shows every minute up to and with `to`. */
async function passMinutes(storage: Storage, from: number, to: number) {
  for (let now = from; now <= to; now += minute) await pass(storage, now)
}

/** A storage, and questions to its database on a connection of their own. */
async function openStorage() {
  const path = temporaryFile()
  const storage = sqliteStorage({ path, thread: false, pollInterval: 10 })
  await storage.open()
  const database = (await loadSqlite())(path)
  return {
    storage,
    database,
    count: (table: string) =>
      (database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n,
    async [Symbol.asyncDispose]() {
      expect(await storage.check()).toEqual([])
      database.close()
      await storage.close()
    },
  }
}

const isThere = async (storage: Storage, blob: string) => (await storage.blobs.open(blob)) !== undefined

async function* once(bytes: Uint8Array) {
  yield bytes
}

describeSqlite('an SQLite database does not grow with the past', { timeout: 60_000 }, () => {
  it('frees what was written and not accepted an hour later, and not before', async () => {
    await using opened = await openStorage()
    const { storage } = opened
    await pass(storage, start)
    const { id } = await storage.blobs.write(once(patternBytes(600_000)))
    const kept = await storage.blobs.write(once(patternBytes(600_000)))
    const { blob } = await storage.accept(sampleBatch())
    await passMinutes(storage, start, start + hour)
    expect(await isThere(storage, id)).toBe(true)
    expect(await isThere(storage, blob)).toBe(true)
    const receivedAt = start + hour
    await storage.accept(sampleBatch({ message: { blob: kept.id }, copies: [inbox], receivedAt }))
    await passMinutes(storage, start + hour, start + hour + 3 * minute)
    expect(await isThere(storage, id)).toBe(false)
    expect(await isThere(storage, blob)).toBe(false)
    expect(await isThere(storage, kept.id)).toBe(true)
    expect([opened.count('blobs'), opened.count('chunks'), opened.count('doomed')]).toEqual([1, 3, 0])
  })

  it('frees a long message ten minutes after its last reference, a short one at once', async () => {
    await using opened = await openStorage()
    const { storage } = opened
    const message = streamedSource(patternBytes(600_000), 60_000)
    const { blob: long } = await storage.accept(sampleBatch({ message, copies: [inbox] }))
    const { blob: short } = await put(storage, 'ann')
    await passMinutes(storage, start, start + 3 * minute)
    await storage.mail.expunge((await mailboxOf(storage, 'ann')).id, [1, 2])
    expect(await isThere(storage, short)).toBe(false)
    await passMinutes(storage, start + 4 * minute, start + 13 * minute)
    expect(await isThere(storage, long)).toBe(true)
    await passMinutes(storage, start + 14 * minute, start + 17 * minute)
    expect(await isThere(storage, long)).toBe(false)
    expect([opened.count('blobs'), opened.count('chunks'), opened.count('doomed')]).toEqual([0, 0, 0])
  })

  it('frees more than a sweep does at once with the commits that follow', async () => {
    await using opened = await openStorage()
    const { storage } = opened
    await pass(storage, start)
    await Promise.all(Array.from({ length: 450 }, () => storage.accept(sampleBatch())))
    await passMinutes(storage, start + minute, start + hour + 3 * minute)
    for (let count = 0; count < 3; count++) await pass(storage, start + hour + 3 * minute)
    expect(opened.count('blobs')).toBe(0)
  })

  it('forgets batches after an hour, and not before', async () => {
    await using opened = await openStorage()
    const { storage } = opened
    const batch = sampleBatch({ copies: [inbox] })
    const first = await storage.accept(batch)
    for (let now = start; now <= start + hour; now += minute / 2) {
      await storage.accept(sampleBatch({ copies: [inbox], receivedAt: now }))
    }
    expect(await storage.accept({ ...batch, receivedAt: start + hour })).toEqual(first)
    for (let now = start + hour; now <= start + 5 * hour; now += minute / 2) {
      await storage.accept(sampleBatch({ copies: [inbox], receivedAt: now }))
      expect(opened.count('accepted')).toBeLessThan(260)
    }
    expect(await storage.accept({ ...batch, receivedAt: start + 5 * hour })).not.toEqual(first)
  })

  it('keeps at least the last 10,000 tombstones of a mailbox, and no more than twice that', async () => {
    await using opened = await openStorage()
    const { storage } = opened
    await put(storage, 'ann')
    const { id } = await mailboxOf(storage, 'ann')
    const uidsUpTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)
    for (let last = 1; last < 32_000; last *= 2) await storage.mail.copy(id, uidsUpTo(last), id, start)
    for (let from = 1; from <= 32_000; from += 8_000) {
      const uids = uidsUpTo(8_000).map(uid => uid + from - 1)
      await storage.mail.expunge(id, uids)
      expect(opened.count('tombstones')).toBeLessThanOrEqual(20_000)
    }
    const vanished = await storage.mail.vanished(id, 1)
    expect(vanished.length).toBeGreaterThanOrEqual(10_000)
    expect(vanished).toEqual(uidsUpTo(32_000).slice(-vanished.length))
  })

  it('forgets locks that were left to expire, and no others', async () => {
    await using opened = await openStorage()
    const { storage } = opened
    await storage.locks.acquire('held', 'one', start, start + 5 * hour)
    for (let now = start; now < start + 4 * hour; now += minute) {
      await storage.locks.acquire(`left at ${now}`, 'one', now, now + 1)
      expect(opened.count('locks')).toBeLessThan(6)
    }
    expect(await storage.locks.acquire('held', 'two', start + 4 * hour, start + 9 * hour)).toBe(false)
  })

  it('keeps the last 100,000 changes', async () => {
    await using opened = await openStorage()
    const { storage, database } = opened
    const rows = (numbers: readonly number[]) =>
      numbers.map(seq => `INSERT INTO changes (seq, origin, kind) VALUES (${seq}, '', 'queue')`).join(';')
    database.exec(rows([1, 2, 199_999, 200_000, 200_001, 299_990]))
    await storage.mail.mailboxes('ann')
    for (let count = 0; count < 9; count++) await put(storage, 'ann')
    expect(opened.count('changes')).toBe(15)
    await put(storage, 'ann')
    const [first] = database.prepare('SELECT seq FROM changes ORDER BY seq').all()
    expect(first).toMatchObject({ seq: 200_001 })
  })

  it('tells who missed more changes than are kept that all may have changed', async () => {
    await using opened = await openStorage()
    const { storage, database } = opened
    await put(storage, 'ann')
    await put(storage, 'ann', 'Work')
    await storage.mail.createMailbox('ben', 'Empty')
    const told: StorageChange[] = []
    const all = new Promise<void>(resolve => {
      storage.subscribe(change => told.push(change) === 5 && resolve())
    })
    const missed = 1 + opened.count('changes') + 1
    database.exec(`INSERT INTO changes (seq, origin, kind) VALUES (${missed}, '', 'queue')`)
    await all
    const before = { modseq: 1, uidNext: 1 }
    const messages = { kind: 'messages', account: 'ann', modseq: 2, before }
    expect(told).toEqual(
      expect.arrayContaining([
        { kind: 'mailboxes', account: 'ann' },
        { kind: 'mailboxes', account: 'ben' },
        { ...messages, mailbox: 'INBOX' },
        { ...messages, mailbox: 'Work' },
        { kind: 'queue' },
      ]),
    )
    await put(storage, 'ann')
    expect(told.slice(5)).toMatchObject([{ kind: 'messages', modseq: 3 }])
  })
})

const jumps = [
  ['ahead', start + 400 * 24 * hour],
  ['back', 0],
] as const

describeSqlite('one instant from a clock that jumped', {}, () => {
  /** Shows minutes from `start` on, then the instant of the jump. */
  async function passAndJump(storage: SqliteStorage, minutes: number, jump: number) {
    await passMinutes(storage, start, start + (minutes - 1) * minute)
    await storage.accept(sampleBatch({ copies: [inbox], receivedAt: jump }))
  }

  it.each(jumps)('%s takes no lock, no blob and no id of a batch', async (_, jump) => {
    for (const place of [1, 2, 3, 10]) {
      await using opened = await openStorage()
      const { storage } = opened
      const batch = sampleBatch({ copies: [inbox] })
      const first = await storage.accept(batch)
      const { id } = await storage.blobs.write(once(patternBytes(600_000)))
      await storage.locks.acquire('held', 'one', start, start + hour)
      await passAndJump(storage, place, jump)
      await passMinutes(storage, start + place * minute, start + 30 * minute)
      expect(await isThere(storage, id), `after ${place}`).toBe(true)
      expect(await storage.locks.acquire('held', 'two', start + 31 * minute, start + 2 * hour)).toBe(false)
      expect(await storage.accept({ ...batch, receivedAt: start + 31 * minute })).toEqual(first)
    }
  })

  it.each(jumps)('%s does not stop that what is over goes', async (_, jump) => {
    for (const place of [0, 1, 2, 3]) {
      await using opened = await openStorage()
      const { storage } = opened
      await passAndJump(storage, place, jump)
      const now = start + place * minute
      const { id } = await storage.blobs.write(once(patternBytes(600_000)))
      await storage.locks.acquire('left', 'one', now, now + 1)
      await passMinutes(storage, now, now + hour + 6 * minute)
      expect(await isThere(storage, id), `after ${place}`).toBe(false)
      expect(opened.count('locks')).toBe(0)
    }
  })

  it.each(jumps)('%s does not keep the ids of batches for good', async (_, jump) => {
    await using opened = await openStorage()
    const { storage } = opened
    await storage.accept(sampleBatch({ copies: [inbox], receivedAt: jump }))
    const accept = (receivedAt: number) => storage.accept(sampleBatch({ copies: [inbox], receivedAt }))
    // More than go with one commit.
    for (let count = 0; count < 100; count++) await accept(jump + count)
    for (let now = start; now <= start + 4 * hour; now += minute) await accept(now)
    expect(opened.count('accepted')).toBeLessThan(130)
  })
})
