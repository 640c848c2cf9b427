import { expect, it, vi } from 'vitest'
import type { LeasedEntry } from '../../../src/storage/queue-storage.js'
import { type Command, GroupCommit } from '../../../src/storage/sqlite/group-commit.js'
import { namedMailbox } from '../../../src/storage/sqlite/mailbox-rows.js'
import { listMessages } from '../../../src/storage/sqlite/message-rows.js'
import { loadSqlite, openWriter } from '../../../src/storage/sqlite/open-database.js'
import { Statements } from '../../../src/storage/sqlite/sqlite-database.js'
import { sqliteStorage } from '../../../src/storage/sqlite/sqlite-storage.js'
import {
  bytesOf,
  enqueue,
  lease,
  letter,
  mailboxOf,
  patternBytes,
  put,
  sampleBatch,
  settled,
  start,
  streamedSource,
} from '../../../src/testing/conformance/sample-batch.js'
import { describeSqlite } from './describe-sqlite.js'
import { gatedStorage } from './faulty-database.js'
import { temporaryFile } from './temporary-file.js'

const copies = [{ account: 'ann', mailbox: 'INBOX', internalDate: start }]

let appended = 0

/** Ten octets for ann; what is `queued` may be wrong, and is looked at when her copy is stored. */
function append(queued?: unknown): Command {
  const copy = { account: 'ann', mailbox: 'INBOX', flags: '', internalDate: start, prefix: null }
  const message = { bytes: patternBytes(10) }
  const id = `batch ${++appended}`
  return { name: 'accept', args: [{ id, receivedAt: start, message, copies: [copy], queued }] }
}

describeSqlite('group commit', {}, () => {
  it('carries out what comes in one turn in one transaction, of whatever kind', async () => {
    const begun: string[] = []
    const storage = gatedStorage(temporaryFile(), sql => {
      if (/^(BEGIN|COMMIT)/.test(sql)) begun.push(sql)
    })
    await put(storage, 'ann')
    await enqueue(storage, { address: 'cem@other.test' }, { address: 'dee@third.test' })
    const { id } = await mailboxOf(storage, 'ann')
    const [first, second] = await lease(storage, start)
    if (!first || !second) throw new Error('nothing was leased')
    begun.length = 0
    await Promise.all([
      put(storage, 'ann'),
      put(storage, 'ben', 'Work'),
      storage.queue.settle({ entries: [settled(first, { state: 'done' })] }),
      storage.queue.renew([second], start + 90_000),
      storage.mail.setFlags(id, { uids: [{ from: 1, to: 1 }], mode: 'add', flags: ['x'] }),
      storage.locks.acquire('inbox', 'me', start, start + 1),
    ])
    expect(begun).toEqual(['BEGIN IMMEDIATE', 'COMMIT'])
    await storage.close()
  })

  it('lets a command that fails among others fail alone, with what it had written', async () => {
    let accepts = 0
    const storage = gatedStorage(temporaryFile(), sql => {
      // The group begins anew, and what failed fails again.
      if (sql === 'ROLLBACK') accepts = 0
      // The last thing that an accept writes: by then its blob, its mailbox and its message are there.
      if (sql.startsWith('INSERT INTO accepted') && ++accepts % 4 === 2) throw new Error('injected')
    })
    await storage.open()
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, (_, index) => put(storage, 'ann', `box ${index}`)),
    )
    const failed = results.map(result => result.status === 'rejected')
    expect(failed).toEqual(results.map((_, index) => index % 4 === 1))
    expect((await storage.stats()).commits).toBe(1)
    expect((await storage.mail.mailboxes('ann')).map(({ name }) => name)).not.toContain('box 1')
    expect((await storage.mail.usage('ann')).messages).toBe(9)
    expect(await storage.check()).toEqual([])
    await storage.close()
  })

  for (const failing of [false, true]) {
    it(`counts what is appended among commands that look at the counters${failing ? ', one of which fails' : ''}`, async () => {
      const database = openWriter(await loadSqlite(), { path: ':memory:', busyTimeout: 0 })
      const groups = new GroupCommit(database)
      const run = (...commands: Command[]) => groups.commit(commands).outcomes
      run(append())
      const all = [{ from: 1, to: Number.POSITIVE_INFINITY }]
      const outcomes = run(
        append(),
        append(),
        { name: 'setFlags', args: ['m1', { uids: all, mode: 'add', flags: ['\\Seen'] }] },
        append(),
        append(),
        failing ? append({ entries: [{}] }) : { name: 'createMailbox', args: ['ann', 'Work'] },
        append(),
        { name: 'expunge', args: ['m1', [2, 6]] },
        append(),
        append(),
      )
      expect(outcomes.filter(outcome => 'error' in outcome)).toHaveLength(failing ? 1 : 0)
      const reader = new Statements(database)
      expect(listMessages(reader, 1).map(({ uid, modseq }) => [uid, modseq])).toEqual([
        [1, 5],
        [3, 5],
        [4, 6],
        [5, 7],
        [7, 10],
        [8, 11],
      ])
      expect(namedMailbox(reader, 'ann', 'INBOX')).toMatchObject({
        uid_next: 9,
        modseq: 11,
        messages: 6,
        unseen: 4,
        bytes: 60,
      })
      database.close()
    })
  }

  it('keeps the messages of a command that fails after it has let some of them go', async () => {
    let deletions = 0
    const storage = gatedStorage(temporaryFile(), sql => {
      if (sql === 'ROLLBACK') deletions = 0
      if (sql.startsWith('DELETE FROM entries') && ++deletions === 3) throw new Error('injected')
    })
    for (const name of ['ann', 'ben', 'cem', 'dee']) await enqueue(storage, { address: `${name}@other.test` })
    const [ann, ben, cem, dee] = await lease(storage, start)
    if (!ann || !ben || !cem || !dee) throw new Error('nothing was leased')
    const end = (...entries: LeasedEntry[]) =>
      storage.queue.settle({ entries: entries.map(entry => settled(entry, { state: 'done' })) })
    const results = await Promise.allSettled([end(ann), end(ben, cem), end(dee)])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((await storage.queue.list()).map(({ id }) => id)).toEqual([ben.id, cem.id])
    expect(await storage.blobs.open(ben.blob)).toBeDefined()
    expect(await storage.blobs.open(dee.blob)).toBeUndefined()
    expect(await storage.check()).toEqual([])
    await storage.close()
  })

  it('takes ids for blobs anew when the commit that took them failed, as other processes may have them', async () => {
    const path = temporaryFile()
    let broken = true
    const storage = gatedStorage(path, sql => {
      if (broken && sql.startsWith('INSERT INTO accepted')) throw new Error('injected')
    })
    await expect(put(storage, 'ann')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    broken = false
    await put(storage, 'ann')
    const other = sqliteStorage({ path, thread: false })
    for (let count = 0; count < 5; count++) await put(other, 'ann')
    await put(storage, 'ann')
    expect((await other.mail.usage('ann')).messages).toBe(7)
    expect(await storage.check()).toEqual([])
    await other.close()
    await storage.close()
  })

  it('fails all of a group whose commit fails, tells nobody of it, and goes on', async () => {
    let broken = false
    const storage = gatedStorage(temporaryFile(), sql => {
      if (broken && sql === 'COMMIT')
        throw Object.assign(new Error('injected'), { code: 'SQLITE_IOERR_FSYNC' })
    })
    await put(storage, 'ann')
    const told: unknown[] = []
    storage.subscribe(change => told.push(change))
    broken = true
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => put(storage, 'ann')))
    expect(results.every(result => result.status === 'rejected')).toBe(true)
    expect(told).toEqual([])
    broken = false
    expect((await put(storage, 'ann')).copies[0]?.uid).toBe(2)
    expect(told).toHaveLength(1)
    expect(await storage.check()).toEqual([])
    await storage.close()
  })

  it.each([true, false])('commits what comes alone though no time passes (thread: %s)', async thread => {
    const storage = sqliteStorage({ path: temporaryFile(), thread })
    await storage.open()
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'Date', 'performance'] })
    try {
      for (let uid = 1; uid <= 3; uid++) expect((await put(storage, 'ann')).copies[0]?.uid).toBe(uid)
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
    expect((await storage.stats()).commits).toBe(3)
    await storage.close()
  })

  it('makes groups of what comes while a group is committed', async () => {
    const storage = sqliteStorage({ path: temporaryFile() })
    await put(storage, 'ann')
    const { commits } = await storage.stats()
    const turns = Array.from({ length: 100 }, async (_, turn) => {
      for (let count = 0; count < turn % 10; count++) await new Promise(resolve => setImmediate(resolve))
      await put(storage, 'ann')
    })
    await Promise.all(turns)
    expect((await storage.stats()).commits - commits).toBeLessThan(12)
    expect((await mailboxOf(storage, 'ann')).messages).toBe(101)
    await storage.close()
  })
})

describeSqlite('the thread that writes', {}, () => {
  it('stores small and long messages, whole and in streams', async () => {
    const storage = sqliteStorage({ path: temporaryFile() })
    const long = patternBytes(700_000)
    const sources = [streamedSource(Buffer.from(letter), 7), streamedSource(long, 30_000)]
    for (const message of sources) await storage.accept(sampleBatch({ message, copies }))
    await put(storage, 'ann')
    const messages = await storage.mail.list((await mailboxOf(storage, 'ann')).id)
    const bodies = await Promise.all(
      messages.map(async ({ blob }) => bytesOf(await storage.blobs.open(blob))),
    )
    expect(bodies.map(body => body.length)).toEqual([letter.length, long.length, letter.length])
    expect(bodies[1]?.equals(long)).toBe(true)
    await storage.close()
  })

  it('gives errors the codes they have elsewhere, and lets others go on', async () => {
    const storage = sqliteStorage({ path: temporaryFile() })
    const [missing, stored] = await Promise.allSettled([
      storage.mail.expunge('m99', [1]),
      put(storage, 'ann'),
    ])
    expect(missing).toMatchObject({ reason: { code: 'NO_SUCH_MAILBOX', name: 'MailError' } })
    expect(stored.status).toBe('fulfilled')
    await storage.close()
  })

  it('gives each call its own answer after one that cannot be sent to it', async () => {
    const storage = sqliteStorage({ path: temporaryFile() })
    const unsendable = { space: 'notes', key: 'n', value: (() => {}) as never }
    await expect(storage.records.put(unsendable)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect((await put(storage, 'ann')).copies[0]?.uid).toBe(1)
    await storage.close()
  })

  it('finishes what is under way when it is closed', async () => {
    const storage = sqliteStorage({ path: temporaryFile() })
    const accepting = Array.from({ length: 20 }, () => put(storage, 'ann'))
    const closing = storage.close()
    expect((await Promise.allSettled(accepting)).every(result => result.status === 'fulfilled')).toBe(true)
    await closing
    await expect(put(storage, 'ann')).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(storage.mail.mailboxes('ann')).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
