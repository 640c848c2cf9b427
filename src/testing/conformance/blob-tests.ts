import assert from 'node:assert/strict'
import type { AcceptBatch } from '../../storage/storage.js'
import {
  bytesOf,
  enqueue,
  failingSource,
  mailboxOf,
  patternBytes,
  put,
  sampleBatch,
  start,
  streamedSource,
} from './sample-batch.js'
import type { StorageTest } from './storage-conformance.js'

/** Message bytes: exact, in ranges, shared, kept as long as something refers to them. */
export function blobTests(test: StorageTest): void {
  test('gives back the bytes that were written', async ({ blobs }) => {
    const bytes = patternBytes(70_000)
    const { id, size } = await blobs.write(streamedSource(bytes).open())
    assert.equal(size, bytes.length)
    assert.match(id, /^[\w.-]+$/, 'an id is safe as a file name')
    const source = await blobs.open(id)
    assert.equal(source?.size, bytes.length)
    assert.deepEqual(await bytesOf(source), Buffer.from(bytes))
  })

  test('reads any range, also several at once', async ({ blobs }) => {
    const bytes = patternBytes(1_000_001)
    const { id } = await blobs.write(streamedSource(bytes, 65_536).open())
    const source = await blobs.open(id)
    const ranges = [
      [0, 0],
      [0, 1],
      [65_535, 65_537],
      [262_143, 262_145],
      [100, 1_000_001],
      [524_288, 786_432],
      [1_000_000, 1_000_001],
      [5, 9_999_999],
    ] as const
    await Promise.all(
      ranges.map(async ([from, end]) => {
        assert.deepEqual(await bytesOf(source, { start: from, end }), Buffer.from(bytes.subarray(from, end)))
      }),
    )
    assert.equal((await bytesOf(source, { start: 1_000_001 })).length, 0)
  })

  test('puts a prefix before the bytes and counts it in size and ranges', async ({ blobs }) => {
    const bytes = patternBytes(100_000)
    const { id } = await blobs.write(streamedSource(bytes).open())
    const prefix = Buffer.from('Return-Path: <ann@example.test>\r\n')
    const whole = Buffer.concat([prefix, bytes])
    const source = await blobs.open(id, prefix)
    assert.equal(source?.size, whole.length)
    assert.deepEqual(await bytesOf(source), whole)
    const ranges = [
      [0, 10],
      [30, 40],
      [33, 34],
      [50, 99_999],
    ] as const
    for (const [from, end] of ranges) {
      assert.deepEqual(await bytesOf(source, { start: from, end }), whole.subarray(from, end))
    }
  })

  test('keeps an empty blob, and knows none that was never written', async ({ blobs }) => {
    const { id, size } = await blobs.write(streamedSource(new Uint8Array()).open())
    assert.equal(size, 0)
    assert.equal((await blobs.open(id))?.size, 0)
    assert.equal(await blobs.open('no-such-blob'), undefined)
    assert.equal(await blobs.open('__proto__'), undefined)
  })

  test('rejects a write whose source fails', async ({ blobs }) => {
    await assert.rejects(blobs.write(failingSource(patternBytes(10_000)).open()))
  })

  test('keeps a big body byte for byte', async storage => {
    const bytes = patternBytes(6_000_000)
    const message = streamedSource(bytes, 60_000)
    const copies: AcceptBatch['copies'] = [{ account: 'ann', mailbox: 'INBOX', internalDate: start }]
    const { blob } = await storage.accept(sampleBatch({ message, copies }))
    const source = await storage.blobs.open(blob)
    assert.equal(Buffer.compare(await bytesOf(source), bytes), 0)
    assert.deepEqual(await bytesOf(source, { start: 5_999_990 }), Buffer.from(bytes.subarray(5_999_990)))
  })

  test('stores the bytes of a message once for all who refer to them', async storage => {
    const { blob } = await storage.accept(
      sampleBatch({
        copies: ['ann', 'ben'].map(account => ({ account, mailbox: 'INBOX', internalDate: start })),
      }),
    )
    for (const account of ['ann', 'ben']) {
      const [message] = await storage.mail.list((await mailboxOf(storage, account)).id)
      assert.equal(message?.blob, blob)
    }
  })

  test('keeps a blob until the last reference is gone', async storage => {
    const { blob } = await put(storage, 'ann')
    const [entry = ''] = (
      await storage.accept(
        sampleBatch({
          message: { blob },
          queued: {
            traceId: 'forwarded',
            envelope: { sender: '' },
            recipients: [{ address: 'cem@other.test', destination: 'other.test', dueAt: start }],
          },
        }),
      )
    ).entries
    const inbox = await mailboxOf(storage, 'ann')
    await storage.mail.copy(inbox.id, [1], inbox.id, start)
    await storage.mail.expunge(inbox.id, [1])
    await storage.queue.drop([entry])
    assert.ok(await storage.blobs.open(blob), 'the second copy refers to it')
    const [kept] = await storage.mail.list(inbox.id)
    assert.equal((await bytesOf(await storage.blobs.open(kept?.blob ?? ''))).length, kept?.size)
  })

  test('goes on reading a blob whose last reference goes meanwhile', async storage => {
    const [id = ''] = await enqueue(storage, { address: 'cem@other.test' })
    const source = await storage.blobs.open((await storage.queue.get(id))?.blob ?? '')
    assert.ok(source)
    const reading = source.open()[Symbol.asyncIterator]()
    const first = await reading.next()
    await storage.queue.drop([id])
    let length = first.done ? 0 : first.value.length
    for (let next = await reading.next(); !next.done; next = await reading.next()) length += next.value.length
    assert.equal(length, source.size)
  })

  test('refers to a blob that was written before, by its id', async storage => {
    const bytes = patternBytes(5_000)
    const { id } = await storage.blobs.write(streamedSource(bytes).open())
    const copies = [{ account: 'ann', mailbox: 'INBOX', internalDate: start }]
    const result = await storage.accept(sampleBatch({ message: { blob: id }, copies }))
    assert.equal(result.blob, id)
    const [message] = await storage.mail.list((await mailboxOf(storage, 'ann')).id)
    assert.equal(message?.size, bytes.length)
    assert.deepEqual(await bytesOf(await storage.blobs.open(id)), Buffer.from(bytes))
  })
}
