import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js'
import { describeSqlite } from '../storage/sqlite/describe-sqlite.js'
import { sendLetters } from './clients.js'
import { compileMailProcess } from './compile-mail-process.js'
import { Ledger } from './ledger.js'
import { MailChild } from './mail-child.js'
import { createSink, type SinkStage } from './sink.js'

const letters = 20
const program = compileMailProcess()
afterAll(() => program.remove())

/** A host that takes letters for others, and is killed when the first of its deliveries has come to a stage. */
async function killAt(stage: SinkStage) {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-killed-'))
  const path = join(folder, 'mail.db')
  const [child, successor] = [new MailChild(program.file), new MailChild(program.file)]
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  let killed: Promise<void> | undefined
  let restarted = false
  const notice = (at: SinkStage) => {
    if (at === stage && !killed) killed = child.kill()
    return restarted || killed === undefined
  }
  const sink = await createSink(() => 1, { opened, notice })
  const ledger = new Ledger(sink)
  const examine = async () => {
    const storage = sqliteStorage({ path, thread: false })
    try {
      await ledger.verify(storage)
      expect(await storage.check()).toEqual([])
      return await storage.queue.counts()
    } finally {
      await storage.close()
    }
  }
  try {
    const port = await child.begin({ path, sinkPort: sink.port, ahead: 0, thread: true })
    let sent = 0
    const next = () => {
      if (sent >= letters) throw new Error('that was the last one')
      const id = `letter-${++sent}`
      return { id, sender: 'sender@other.test', size: 4_000, recipients: ['ann@one.test'] }
    }
    await sendLetters(port ?? 0, next, ledger)
    open()
    await child.diesWithin(20_000)
    await killed
    const left = await examine()
    restarted = true
    await successor.begin({ path, sinkPort: sink.port, ahead: 0, thread: true })
    await successor.drain()
    await successor.kill()
    return { left, counts: ledger.counts, end: await examine(), received: sink.received }
  } finally {
    await Promise.all([child.kill(), successor.kill()])
    await sink.close()
    await rm(folder, { recursive: true, force: true })
  }
}

describeSqlite('a mail host that is killed while it delivers', {}, () => {
  it.each<[SinkStage, string]>([
    ['connected', 'before it was greeted'],
    ['rcpt', 'before its recipient was answered'],
    ['data', 'before it was asked for the message'],
    ['dot', 'before it heard that the message was taken'],
    ['answered', 'before it could note that the message was taken'],
  ])('%s: loses nothing, and doubles no more than was under way', { timeout: 60_000 }, async stage => {
    const { left, counts, end, received } = await killAt(stage)
    expect(left.leased).toBeGreaterThan(0)
    expect(end).toEqual({ waiting: 0, leased: 0, held: 0, dead: 0 })
    expect(counts).toMatchObject({ kept: letters, sending: 0, absent: 0 })
    expect(received.size).toBe(letters)
    expect(counts.interrupted).toBe(left.leased)
    expect(counts.doubled).toBeLessThanOrEqual(counts.interrupted)
    // Whoever heard nothing after the final dot must bring it again; before the dot nothing can be doubled.
    if (stage === 'dot') expect(counts.doubled).toBeGreaterThan(0)
    if (stage !== 'dot' && stage !== 'answered') expect(counts.doubled).toBe(0)
  })
})
