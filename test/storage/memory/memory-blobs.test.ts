import { describe, expect, it } from 'vitest'
import { bytesSource } from '../../../src/message/sources.js'
import { memoryStorage } from '../../../src/storage/memory/memory-storage.js'
import type { AcceptBatch, Storage } from '../../../src/storage/storage.js'
import { enqueue, lease, sampleBatch, settled, start } from '../../../src/testing/conformance/sample-batch.js'

const minute = 60_000
const hour = 60 * minute
const kilobyte = new Uint8Array(1_000)
const forAnn = { account: 'ann', mailbox: 'INBOX', internalDate: start }

async function* once(bytes: Uint8Array) {
  yield bytes
}

/** A batch with one copy, of a kilobyte. */
function copied(parts: Partial<AcceptBatch> = {}): AcceptBatch {
  return sampleBatch({ message: bytesSource(kilobyte), copies: [forAnn], ...parts })
}

/** Shows that it is `now`. */
function pass(storage: Storage, now: number) {
  return storage.queue.lease({ now, expiresAt: now + 1, limit: 0 })
}

describe('blobs of memoryStorage', () => {
  it('frees a blob with the last of its messages and entries', async () => {
    await using storage = memoryStorage()
    const { blob, entries } = await storage.accept(copied())
    const [inbox] = await storage.mail.mailboxes('ann')
    const [entry = ''] = await enqueue(storage, { address: 'cem@other.test' })
    expect(entries).toEqual([])
    await storage.mail.copy(inbox?.id ?? '', [1], inbox?.id ?? '', start)
    await storage.mail.expunge(inbox?.id ?? '', [1])
    expect(await storage.blobs.open(blob)).toBeDefined()
    await storage.mail.expunge(inbox?.id ?? '', [2])
    expect(await storage.blobs.open(blob)).toBeUndefined()
    const queued = (await storage.queue.get(entry))?.blob ?? ''
    const [leased] = await lease(storage, start)
    if (leased) await storage.queue.settle({ entries: [settled(leased, { state: 'done' })] })
    expect(await storage.blobs.open(queued)).toBeUndefined()
  })

  it('frees the blobs of a mailbox that is deleted', async () => {
    await using storage = memoryStorage()
    const { blob } = await storage.accept(copied({ copies: [{ ...forAnn, mailbox: 'Work' }] }))
    await storage.mail.deleteMailbox('ann', 'Work')
    expect(await storage.blobs.open(blob)).toBeUndefined()
  })

  it('frees what was written and not accepted, an hour later, and not before', async () => {
    await using storage = memoryStorage()
    await pass(storage, start)
    const written = await storage.blobs.write(once(kilobyte))
    const kept = await storage.blobs.write(once(kilobyte))
    const { blob: unreferred } = await storage.accept(copied({ copies: [] }))
    await pass(storage, start + minute)
    await storage.accept(copied({ message: { blob: kept.id }, receivedAt: start + minute }))
    await pass(storage, start + hour)
    await pass(storage, start + hour + minute)
    expect(await storage.blobs.open(written.id)).toBeDefined()
    await pass(storage, start + hour + 2 * minute)
    expect(await storage.blobs.open(written.id)).toBeUndefined()
    expect(await storage.blobs.open(unreferred)).toBeUndefined()
    expect(await storage.blobs.open(kept.id)).toBeDefined()
  })

  it('is full at maxBytes, changes nothing then, and has room again when something goes', async () => {
    await using storage = memoryStorage({ maxBytes: 2_500 })
    await storage.accept(copied())
    await storage.accept(copied())
    const full = { code: 'STORAGE_FULL', temporary: true }
    await expect(storage.accept(copied())).rejects.toMatchObject(full)
    await expect(storage.blobs.write(once(kilobyte))).rejects.toMatchObject(full)
    expect(await storage.mail.usage('ann')).toEqual({ messages: 2, bytes: 2_000 })
    const [inbox] = await storage.mail.mailboxes('ann')
    await storage.mail.expunge(inbox?.id ?? '', [1])
    await storage.accept(copied())
    expect(await storage.mail.usage('ann')).toEqual({ messages: 2, bytes: 2_000 })
  })

  it('settles nothing when there is no room for all that is to be accepted with it', async () => {
    await using storage = memoryStorage({ maxBytes: 2_500 })
    const [id = ''] = await enqueue(storage, { address: 'cem@other.test' })
    const [leased] = await lease(storage, start)
    const entries = leased ? [settled(leased, { state: 'done' })] : []
    const accept = [copied(), copied(), copied()]
    await expect(storage.queue.settle({ entries, accept })).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    expect((await storage.queue.get(id))?.state).toBe('leased')
    expect(await storage.mail.usage('ann')).toEqual({ messages: 0, bytes: 0 })
  })

  it('keeps bytes as they are, but not the long buffer around a short piece', async () => {
    await using storage = memoryStorage()
    const whole = new Uint8Array(4_096).fill(65)
    const piece = new Uint8Array(65_536).subarray(100, 4_196)
    const open = async (bytes: Uint8Array) => {
      const { blob } = await storage.accept(copied({ message: bytesSource(bytes) }))
      return (await storage.blobs.open(blob))?.bytes
    }
    expect(await open(whole)).toBe(whole)
    expect((await open(piece))?.buffer.byteLength).toBe(4_096)
  })

  it('refuses options it does not know', () => {
    expect(() => memoryStorage({ maxBytes: -1 })).toThrowError(/memoryStorage: maxBytes/)
    expect(() => memoryStorage({ bytes: 1 } as never)).toThrowError(/memoryStorage: .*bytes/)
  })
})
