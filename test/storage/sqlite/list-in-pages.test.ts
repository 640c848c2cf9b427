import { expect, it } from 'vitest'
import { outlineOf } from '../../../src/storage/mail-storage.js'
import { sqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
import { mailboxOf, put } from '../../../src/testing/conformance/sample-batch.js'
import { describeSqlite } from './describe-sqlite.js'

const count = 2_500

async function filledMailbox() {
  const storage = sqliteStorage({ path: ':memory:' })
  await Promise.all(Array.from({ length: count }, () => put(storage, 'ann')))
  return { storage, id: (await mailboxOf(storage, 'ann')).id }
}

describeSqlite('a long listing from SQLite', {}, () => {
  it('lets others have their turn, and leaves out what comes meanwhile', async () => {
    const { storage, id } = await filledMailbox()
    let turns = 0
    let coming: Promise<unknown> | undefined
    const takeTurn = () => {
      turns++
      coming ??= put(storage, 'ann')
      watch = setImmediate(takeTurn)
    }
    let watch = setImmediate(takeTurn)
    const listed = await storage.mail.list(id)
    clearImmediate(watch)
    expect(turns).toBeGreaterThanOrEqual(2)
    expect(listed.map(({ uid }) => uid)).toEqual(Array.from({ length: count }, (_, index) => index + 1))
    await coming
    expect((await storage.mail.list(id)).length).toBe(count + 1)
    await storage.close()
  })

  it('is as long in outline', async () => {
    const { storage, id } = await filledMailbox()
    const told = await outlineOf(storage.mail, id)
    expect(told.map(({ uid }) => uid)).toEqual((await storage.mail.list(id)).map(({ uid }) => uid))
    expect(told[0]).not.toHaveProperty('flags')
    await storage.close()
  })

  it('keeps to ranges and limits beyond one page', async () => {
    const { storage, id } = await filledMailbox()
    const uids = [
      { from: 2_400, to: Number.POSITIVE_INFINITY },
      { from: 5, to: 1_300 },
    ]
    const all = (await storage.mail.list(id, { uids })).map(({ uid }) => uid)
    expect(all.length).toBe(1_296 + 101)
    expect([all[0], all[1_295], all[1_296], all.at(-1)]).toEqual([5, 1_300, 2_400, count])
    const some = await storage.mail.list(id, { uids, limit: 1_297 })
    expect(some.map(({ uid }) => uid)).toEqual(all.slice(0, 1_297))
    expect(await storage.mail.list(id, { uids, limit: 0 })).toEqual([])
    await storage.close()
  })
})
