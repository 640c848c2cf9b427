import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
import {
  mailboxOf,
  patternBytes,
  put,
  sampleBatch,
  start,
  streamedSource,
} from '../../../src/testing/conformance/sample-batch.js'
import { describeOnSmallDisk, fill } from '../../testing-tools/small-disk.js'
import { describeSqlite } from './describe-sqlite.js'
import { gatedStorage } from './faulty-database.js'
import { temporaryFile } from './temporary-file.js'

const copies = [{ account: 'ann', mailbox: 'INBOX', internalDate: start }]
const full = { code: 'STORAGE_FULL', temporary: true }

describeOnSmallDisk('a disk that is full', disk => {
  describeSqlite('of an SQLite storage', {}, () => {
    it.each([true, false])(
      'refuses messages as temporary and goes on when there is room (thread: %s)',
      async thread => {
        const folder = disk()
        const storage = sqliteStorage({ path: join(folder, `mail-${thread}.db`), thread })
        const ballast = join(folder, 'ballast')
        await put(storage, 'ann')
        fill(ballast)
        const big = () => sampleBatch({ message: streamedSource(patternBytes(1_500_000), 60_000), copies })
        await expect(storage.accept(big())).rejects.toMatchObject(full)
        const small = () => sampleBatch({ message: streamedSource(patternBytes(200_000), 60_000), copies })
        const results = await Promise.allSettled(Array.from({ length: 20 }, () => storage.accept(small())))
        expect(results.filter(result => result.status === 'rejected').length).toBeGreaterThan(0)
        for (const result of results)
          if (result.status === 'rejected') expect(result.reason).toMatchObject(full)
        const stored = results.filter(result => result.status === 'fulfilled').length
        expect((await mailboxOf(storage, 'ann')).messages).toBe(1 + stored)
        rmSync(ballast)
        expect((await storage.accept(small())).copies[0]?.uid).toBe(2 + stored)
        expect(await storage.check()).toEqual([])
        await storage.close()
        rmSync(join(folder, `mail-${thread}.db`))
      },
    )
  })
})

describeSqlite('a database that says it is full', {}, () => {
  it.each([{ code: 'SQLITE_FULL' }, { errcode: 13 }, { errcode: 13 | (1 << 8) }, { code: 'ENOSPC' }])(
    'is STORAGE_FULL: %o',
    async problem => {
      let isFull = false
      const storage = gatedStorage(temporaryFile(), sql => {
        if (isFull && sql.startsWith('INSERT INTO blobs')) throw Object.assign(new Error('full'), problem)
      })
      await put(storage, 'ann')
      isFull = true
      await expect(put(storage, 'ann')).rejects.toMatchObject(full)
      isFull = false
      expect((await put(storage, 'ann')).copies[0]?.uid).toBe(2)
      await storage.close()
    },
  )
})
