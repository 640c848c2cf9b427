import { sqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
import { lease, sampleBatch, start } from '../../../src/testing/conformance/sample-batch.js'

/** What another process does with a database, to be run by itself: `worker-process.ts <task> <path>`. */
const tasks = {
  async put(storage: ReturnType<typeof sqliteStorage>) {
    const putOne = (account: string, index: number) =>
      storage.accept(
        sampleBatch({
          id: `${process.pid}-${account}-${index}`,
          copies: [{ account, mailbox: 'INBOX', internalDate: start }],
        }),
      )
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, index) => putOne('ben', index).then(() => putOne('ann', index))),
    )
    return results.map(result => result.copies[0]?.uid)
  },
  async lease(storage: ReturnType<typeof sqliteStorage>) {
    const ids: string[] = []
    for (
      let leased = await lease(storage, start, 3);
      leased.length > 0;
      leased = await lease(storage, start, 3)
    ) {
      ids.push(...leased.map(({ id }) => id))
    }
    return ids
  },
  async lock(storage: ReturnType<typeof sqliteStorage>) {
    return storage.locks.acquire('inbox of ann', String(process.pid), start, start + 60_000)
  },
  async takeOver(storage: ReturnType<typeof sqliteStorage>) {
    const acquire = (now: number) => storage.locks.acquire('inbox of ann', 'other', now, now + 60_000)
    await storage.locks.release('inbox of ann', 'other')
    return [await acquire(start + 59_999), await acquire(start + 60_000)]
  },
  async leaseAgain(storage: ReturnType<typeof sqliteStorage>) {
    return (await lease(storage, start + 60_000)).map(({ id }) => id)
  },
  async flag(storage: ReturnType<typeof sqliteStorage>) {
    const inbox = await storage.mail.mailbox('ann', 'INBOX')
    const uids = [{ from: 1, to: 1 }]
    await storage.mail.setFlags(inbox?.id ?? '', { uids, mode: 'add', flags: ['\\Seen'] })
    await storage.mail.createMailbox('ben', 'Work')
    return true
  },
}

const [, , task = '', path = ''] = process.argv
const storage = sqliteStorage({ path, busyTimeout: '30s' })
const result = await tasks[task as keyof typeof tasks](storage)
await storage.close()
process.stdout.write(JSON.stringify(result))
