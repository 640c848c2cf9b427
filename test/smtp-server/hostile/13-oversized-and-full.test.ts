import { readdirSync, rmSync } from 'node:fs'
import { type FileHandle, open as openFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { MailError } from '../../../src/core/error.js'
import { createMailStore } from '../../../src/store/create-mail-store.js'
import { describeSqlite } from '../../storage/sqlite/describe-sqlite.js'
import { gatedStorage } from '../../storage/sqlite/faulty-database.js'
import { temporaryFile } from '../../storage/sqlite/temporary-file.js'
import { describeOnSmallDisk, fill } from '../../testing-tools/small-disk.js'
import { deliver, startHost, storingQueue } from '../mail-host.js'

const line = `${'x'.repeat(98)}\r\n`

describe('a message over the limit', () => {
  it('is refused at MAIL when SIZE says so', async () => {
    const client = await (await startHost({ limits: { messageSize: 1_000 } })).hello()
    await client.ask('MAIL FROM:<a@b.test> SIZE=1001', '552 5.3.4')
    await client.ask('MAIL FROM:<a@b.test> SIZE=99999999999999999999', '552 5.3.4')
    await client.ask('MAIL FROM:<a@b.test> SIZE=1000', '250')
  })

  it('is read to its end, refused and not stored, and memory does not grow with it', async () => {
    const host = await startHost({ limits: { messageSize: 100_000 } })
    const client = await host.hello()
    const before = process.memoryUsage().rss
    const message = line.repeat(500_000)
    await deliver(client, { message, expect: '552 5.3.4' })
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024)
    expect(host.batches).toHaveLength(0)
    expect(host.told('message:rejected')[0]).toMatchObject({ size: 50_000_000, reply: { code: 552 } })
    await deliver(client, { message: line })
    expect(host.batches).toHaveLength(1)
  })

  it('of exactly the limit is taken', async () => {
    const host = await startHost({ limits: { messageSize: 1_000 } })
    const client = await host.hello()
    await deliver(client, { message: line.repeat(10) })
    await deliver(client, { message: `${line.repeat(10)}\r\n`, expect: '552 5.3.4' })
  })

  it('goes through a file beyond the memory for messages, byte for byte', async () => {
    const host = await startHost({ spool: { memoryPerMessage: 1_000, memory: 1_000 } })
    const client = await host.hello()
    await deliver(client, { message: `Subject: x\r\n\r\n${line.repeat(5_000)}` })
    const [message = ''] = await host.inbox('alice')
    expect(message.endsWith(`Subject: x\r\n\r\n${line.repeat(5_000)}`)).toBe(true)
  })
})

describe('a full or failing disk', () => {
  it.each([
    ['is full', () => new MailError('STORAGE_FULL', 'no room', { temporary: true }), '452 4.3.1'],
    ['fails to sync', () => Object.assign(new Error('EIO'), { code: 'EIO' }), '451 4.3.0'],
  ])('that %s is told as temporary, and nothing is stored', async (_, error, answer) => {
    const host = await startHost()
    let broken = true
    const accept = host.storage.accept.bind(host.storage)
    const storage = Object.assign(Object.create(host.storage), {
      accept: async (batch: Parameters<typeof accept>[0]) => {
        if (broken) throw error()
        return accept(batch)
      },
    })
    const failing = await startHost({
      store: Object.assign(Object.create(host.store), { storage }),
      queue: storingQueue(storage),
    })
    const client = await failing.hello()
    await deliver(client, { expect: answer })
    expect(failing.told('handler:failed')).toMatchObject([{ handler: 'storage' }])
    expect(await host.inbox('alice')).toHaveLength(0)
    broken = false
    await deliver(client)
    expect(await host.inbox('alice')).toHaveLength(1)
  })

  it('in the middle of DATA is told at the end', async () => {
    const host = await startHost({
      spool: { memoryPerMessage: 1_000, memory: 1_000, directory: '/nonexistent/of/course' },
    })
    const client = await host.hello()
    await deliver(client, { message: line.repeat(10_000), expect: /^45[12] 4\.3\.[01]/ })
    await client.ask('NOOP', '250')
    expect(host.told('handler:failed')).toHaveLength(1)
    expect(host.batches).toHaveLength(0)
  })

  it('that fills up in the middle of DATA is told at the end, and taken again when there is room', async () => {
    const host = await startHost({ spool: { memoryPerMessage: 1_000, memory: 1_000 } })
    const client = await host.hello()
    const message = `Subject: x\r\n\r\n${line.repeat(20_000)}`
    const handles = await fileHandles()
    const { writeFile } = handles
    let writes = 0
    const full = vi.spyOn(handles, 'writeFile').mockImplementation(function (this: FileHandle, ...args) {
      if (++writes === 1) return writeFile.apply(this, args)
      return Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
    })
    await deliver(client, { message, expect: '452 4.3.1' })
    expect(writes).toBe(2)
    full.mockRestore()
    expect(host.batches).toHaveLength(0)
    await deliver(client, { message })
    expect((await host.inbox('alice'))[0]?.endsWith(message)).toBe(true)
  })

  it('of a connection that is lost in DATA keeps nothing', async () => {
    const host = await startHost()
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<alice@example.test>', '250')
    await client.ask('DATA', '354')
    client.write(`Subject: half\r\n\r\n${line}.`)
    const closed = host.next('session:closed')
    client.destroy()
    expect(await closed).toMatchObject({ messages: 0 })
    expect(host.batches).toHaveLength(0)
  })
})

describeOnSmallDisk('a disk for long messages', disk => {
  it('that is full refuses them for now, and takes them when there is room', async () => {
    const spool = { memoryPerMessage: 1_000, memory: 1_000, directory: disk() }
    const host = await startHost({ spool })
    const client = await host.hello()
    const message = `Subject: x\r\n\r\n${line.repeat(20_000)}`
    const ballast = join(disk(), 'ballast')
    fill(ballast)
    await deliver(client, { message, expect: '452 4.3.1' })
    await deliver(client, { message, expect: '452 4.3.1' })
    expect(readdirSync(disk())).toEqual(['ballast'])
    rmSync(ballast)
    await deliver(client, { message })
    expect((await host.inbox('alice'))[0]?.endsWith(message)).toBe(true)
  })
})

/** What all file handles have in common; Node exports no class. */
async function fileHandles(): Promise<FileHandle> {
  const probe = await openFile(fileURLToPath(import.meta.url))
  await probe.close()
  return Object.getPrototypeOf(probe)
}

describeSqlite('an SQLite database', {}, () => {
  it.each([
    ['is full', 'INSERT INTO blobs', { errcode: 13 }, '452 4.3.1'],
    ['finds no room at the commit', 'COMMIT', { code: 'SQLITE_FULL' }, '452 4.3.1'],
    ['cannot sync', 'COMMIT', { code: 'SQLITE_IOERR_FSYNC' }, '451 4.3.0'],
  ])(
    'that %s is told as temporary, and takes mail when it can again',
    async (_, statement, problem, answer) => {
      let broken = false
      const storage = gatedStorage(temporaryFile(), sql => {
        if (broken && sql.startsWith(statement)) throw Object.assign(new Error('injected'), problem)
      })
      const store = createMailStore({ storage })
      const host = await startHost({ store, queue: storingQueue(storage) })
      const client = await host.hello()
      await deliver(client)
      broken = true
      await deliver(client, { expect: answer })
      await deliver(client, { expect: answer })
      broken = false
      await deliver(client)
      const inbox = await (await store.mailbox('alice')).list()
      expect(inbox.map(({ uid }) => uid)).toEqual([1, 2])
      expect(await storage.check()).toEqual([])
      await host.server.close()
      await storage.close()
    },
  )
})
