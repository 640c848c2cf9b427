import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect, it } from 'vitest'
import { exportMbox, importMbox } from '../../src/import/index.js'
import type { MessageSource } from '../../src/message/message-source.js'
import type { Mailbox, MailStore } from '../../src/store/mail-store.js'
import { newYear, scratchDirectory, storeWith } from './sample-store.js'

const block = Buffer.from(`${'a line of some words\r\n'.repeat(3_000)}`)
const size = 64 * 1024 * 1024

/** A message of 64 MiB that is nowhere in memory. */
const large: MessageSource = {
  size,
  async *open({ start = 0, end = size } = {}) {
    for (let at = start; at < end; ) {
      const offset = at % block.length
      const piece = block.subarray(offset, Math.min(block.length, offset + end - at))
      yield piece
      at += piece.length
    }
  },
}

it('takes a large message out and in, in pieces', async () => {
  let peak = 0
  const measure = () => {
    peak = Math.max(peak, process.memoryUsage().arrayBuffers)
  }
  const before = process.memoryUsage().arrayBuffers
  const file = join(await scratchDirectory(), 'mbox')
  const real = await storeWith()
  const record = { uid: 1, modseq: 2, flags: [], internalDate: newYear, savedAt: newYear, size, blob: 'b' }
  const pages = [[record], []]
  const list = async () => pages.shift() ?? []
  const mailbox: Partial<Mailbox> = { name: 'INBOX', list, open: async () => large }
  let received = 0
  const store = {
    mailboxes: (account: string) => real.mailboxes(account),
    createMailbox: (account: string, name: string) => real.createMailbox(account, name),
    mailbox: async () => mailbox,
    append: async (_: string, source: MessageSource) => {
      const drain = new Writable({
        write(chunk: Buffer, _, done) {
          received += chunk.length
          measure()
          done()
        },
      })
      await pipeline(source.open(), drain)
    },
  } as unknown as MailStore
  await exportMbox({ store, account: 'ann', file, onProgress: measure })
  expect((await stat(file)).size).toBeGreaterThan(size * 0.9)
  const stream = createReadStream(file).on('data', measure)
  const report = await importMbox({ store, account: 'ann', stream })
  expect([report.bytes, received, report.problemCount]).toEqual([size, size, 0])
  // Buffers that wait for the garbage collector count too.
  expect(peak - before).toBeLessThan(size * 0.75)
})
