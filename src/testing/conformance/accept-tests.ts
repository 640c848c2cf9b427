import assert from 'node:assert/strict'
import type { AcceptBatch, Storage } from '../../storage/storage.js'
import { oddNames } from './odd-names.js'
import {
  bytesOf,
  failingSource,
  letter,
  mailboxOf,
  patternBytes,
  sampleBatch,
  sampleQueued,
  start,
  streamedSource,
} from './sample-batch.js'
import type { StorageTest } from './storage-conformance.js'

const forAnn = { account: 'ann', mailbox: 'INBOX', internalDate: start }

async function assertEmpty(storage: Storage): Promise<void> {
  assert.deepEqual(await storage.mail.usage('ann'), { bytes: 0, messages: 0 })
  assert.deepEqual(await storage.mail.list((await mailboxOf(storage, 'ann')).id), [])
  assert.deepEqual(await storage.queue.list(), [])
  assert.deepEqual(await storage.queue.counts(), { waiting: 0, leased: 0, held: 0, dead: 0 })
}

/** Local copies and queue entries: together or not at all, and once. */
export function acceptTests(test: StorageTest): void {
  test('stores copies and entries, and names them in their order', async storage => {
    const copies: AcceptBatch['copies'] = [
      { ...forAnn, flags: ['work', '\\Seen', 'work'] },
      { account: 'ben', mailbox: 'Lists/posthorn', internalDate: start - 5, prefix: Buffer.from('X: 1\r\n') },
    ]
    const queued = sampleQueued([{ address: 'cem@other.test' }, { address: 'dee@third.test' }])
    const result = await storage.accept(sampleBatch({ receivedAt: start + 7, copies, queued }))
    assert.deepEqual(
      result.copies.map(copy => [copy.account, copy.mailbox, copy.uid]),
      [
        ['ann', 'INBOX', 1],
        ['ben', 'Lists/posthorn', 1],
      ],
    )
    const ben = await mailboxOf(storage, 'ben', 'Lists/posthorn')
    assert.equal(result.copies[1]?.mailboxId, ben.id)
    assert.equal(result.copies[1]?.uidValidity, ben.uidValidity)
    assert.equal(result.copies[1]?.modseq, ben.highestModseq)
    const [message] = await storage.mail.list(ben.id)
    assert.equal(message?.size, letter.length + 6)
    assert.equal(message?.internalDate, start - 5)
    assert.equal(message?.savedAt, start + 7)
    assert.equal(
      (await bytesOf(await storage.blobs.open(message?.blob ?? '', message?.prefix))).toString(),
      `X: 1\r\n${letter}`,
    )
    const [first] = await storage.mail.list((await mailboxOf(storage, 'ann')).id)
    assert.deepEqual(first?.flags, ['\\Seen', 'work'])
    const entries = await storage.queue.list()
    assert.deepEqual(
      entries.map(entry => [entry.id, entry.recipient.address]),
      [
        [result.entries[0], 'cem@other.test'],
        [result.entries[1], 'dee@third.test'],
      ],
    )
  })

  test('stores a batch once, however often it comes', async storage => {
    const batch = sampleBatch({ copies: [forAnn], queued: sampleQueued([{ address: 'cem@other.test' }]) })
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        storage.accept(index % 2 ? batch : { ...batch, message: streamedSource(Buffer.from(letter), 7) }),
      ),
    )
    const later = await storage.accept({ ...batch, copies: [], receivedAt: start + 3_599_000 })
    for (const result of [...results, later]) assert.deepEqual(result, results[0])
    assert.equal((await storage.mail.usage('ann')).messages, 1)
    assert.equal((await storage.queue.list()).length, 1)
  })

  test('remembers a batch although many came after it', async storage => {
    const batch = sampleBatch({ copies: [forAnn] })
    const first = await storage.accept(batch)
    for (let minute = 0; minute < 60; minute++) {
      await storage.accept(sampleBatch({ receivedAt: start + minute * 60_000 }))
    }
    assert.deepEqual(await storage.accept(batch), first)
    assert.equal((await storage.mail.usage('ann')).messages, 1)
  })

  test('stores nothing of a message whose source fails', async storage => {
    const queued = sampleQueued([{ address: 'cem@other.test' }])
    const batch = sampleBatch({ copies: [forAnn], queued })
    await assert.rejects(storage.accept({ ...batch, message: failingSource(patternBytes(9_000)) }))
    await assertEmpty(storage)
    assert.equal((await storage.accept(batch)).copies[0]?.uid, 1, 'the same batch may come again')
  })

  test('stores nothing of a message that is shorter or longer than it says', async storage => {
    for (const difference of [-1, 1]) {
      const source = streamedSource(patternBytes(3_000))
      const message = { ...source, size: source.size + difference }
      await assert.rejects(storage.accept(sampleBatch({ message, copies: [forAnn] })))
    }
    await assertEmpty(storage)
  })

  test('stores nothing of a batch that refers to a blob it does not have', async storage => {
    const queued = sampleQueued([{ address: 'cem@other.test' }])
    const batch = sampleBatch({ message: { blob: 'no-such-blob' }, copies: [forAnn], queued })
    await assert.rejects(storage.accept(batch))
    await assertEmpty(storage)
  })

  test('lets a batch fail alone among others that come at once', async storage => {
    const results = await Promise.allSettled(
      Array.from({ length: 30 }, (_, index) =>
        storage.accept(
          sampleBatch({
            copies: [forAnn],
            message: (index % 3 ? streamedSource : failingSource)(patternBytes(2_000)),
          }),
        ),
      ),
    )
    assert.deepEqual(
      results.map(result => result.status),
      results.map((_, index) => (index % 3 ? 'fulfilled' : 'rejected')),
    )
    assert.equal((await storage.mail.usage('ann')).messages, 20)
  })

  test('gives batches that come at once UIDs and MODSEQs of their own', async storage => {
    const results = await Promise.all(
      Array.from({ length: 200 }, () => storage.accept(sampleBatch({ copies: [forAnn] }))),
    )
    const uids = results.map(result => result.copies[0]?.uid ?? 0).sort((a, b) => a - b)
    assert.deepEqual(
      uids,
      Array.from({ length: 200 }, (_, index) => index + 1),
    )
    assert.equal(new Set(results.map(result => result.copies[0]?.modseq)).size, 200)
    const inbox = await mailboxOf(storage, 'ann')
    assert.equal(inbox.uidNext, 201)
    assert.deepEqual(
      (await storage.mail.list(inbox.id)).map(message => message.uid),
      uids,
    )
  })

  test('keeps its records from being changed by who gave or got them', async storage => {
    const flags = ['\\Seen']
    const prefix = Buffer.from('X: 1\r\n')
    const notify: ('failure' | 'delay')[] = ['failure']
    await storage.accept(
      sampleBatch({
        copies: [{ ...forAnn, flags, prefix }],
        queued: {
          traceId: 'trace',
          envelope: { sender: 'ann@example.test' },
          recipients: [{ address: 'cem@other.test', destination: 'other.test', dueAt: start, notify }],
        },
      }),
    )
    flags.push('\\Deleted')
    prefix.fill(0)
    notify.push('delay')
    const { id } = await mailboxOf(storage, 'ann')
    const [message] = await storage.mail.list(id)
    assert.deepEqual(message?.flags, ['\\Seen'])
    assert.equal(Buffer.from(message?.prefix ?? []).toString(), 'X: 1\r\n')
    const [entry] = await storage.queue.list()
    assert.deepEqual(entry?.recipient.notify, ['failure'])
    assert.ok(message && entry)
    tryTo(() => Object.assign(message.flags, ['\\Draft']))
    tryTo(() => Object.assign(message, { size: 1 }))
    tryTo(() => Object.assign(entry.envelope, { sender: 'eve@example.test' }))
    assert.deepEqual((await storage.mail.list(id))[0]?.flags, ['\\Seen'])
    assert.equal((await storage.mail.list(id))[0]?.size, letter.length + 6)
    assert.equal((await storage.queue.list())[0]?.envelope.sender, 'ann@example.test')
  })

  test('takes any name for an account and a mailbox', async storage => {
    for (const account of oddNames) {
      for (const mailbox of oddNames) {
        const [copy] = (
          await storage.accept(sampleBatch({ copies: [{ account, mailbox, internalDate: start }] }))
        ).copies
        assert.equal(copy?.uid, 1, `${account} ${mailbox}`)
      }
      const names = (await storage.mail.mailboxes(account)).map(mailbox => mailbox.name)
      assert.deepEqual([...names].sort(), ['INBOX', ...oddNames].sort())
      assert.equal((await storage.mail.usage(account)).messages, oddNames.length)
    }
    assert.deepEqual(await storage.mail.usage('valueOf'), { bytes: 0, messages: 0 })
  })

  test('finishes what is under way when it is closed, and takes nothing after', async storage => {
    const accepting = storage.accept(
      sampleBatch({ copies: [forAnn], message: streamedSource(patternBytes(50_000), 100) }),
    )
    const ended: string[] = []
    const closing = storage.close().then(() => ended.push('closed'))
    assert.equal((await accepting.finally(() => ended.push('accepted'))).copies[0]?.uid, 1)
    await closing
    assert.deepEqual(ended, ['accepted', 'closed'])
    await storage.close()
    await assert.rejects(storage.accept(sampleBatch({ copies: [forAnn] })))
  })
}

/** A storage may freeze its records, so that changing them throws, or give copies. */
function tryTo(change: () => unknown): void {
  try {
    change()
  } catch (thrown) {
    assert.ok(thrown instanceof TypeError)
  }
}
