import assert from 'node:assert/strict'
import { type FlagChange, type MessageOutline, outlineOf } from '../../storage/mail-storage.js'
import type { Storage } from '../../storage/storage.js'
import { bytesOf, letter, mailboxOf, put, sampleBatch, start } from './sample-batch.js'
import type { StorageTest } from './storage-conformance.js'

const everything = [{ from: 1, to: Number.POSITIVE_INFINITY }]

/** A mailbox with messages 1 to `count`; resolves to its id. */
async function fill(storage: Storage, count: number): Promise<string> {
  for (let index = 0; index < count; index++) await put(storage, 'ann')
  return (await mailboxOf(storage, 'ann')).id
}

async function uidsOf(storage: Storage, id: string, query?: Parameters<Storage['mail']['list']>[1]) {
  return (await storage.mail.list(id, query)).map(message => message.uid)
}

function change(mode: FlagChange['mode'], flags: string[], ...uids: number[]): FlagChange {
  return { mode, flags, uids: uids.map(uid => ({ from: uid, to: uid })) }
}

/** Messages: UIDs, MODSEQs, flags, copies, tombstones. */
export function messageTests(test: StorageTest): void {
  test('lists messages by ranges of UIDs, each once', async storage => {
    const id = await fill(storage, 10)
    await storage.mail.expunge(id, [4])
    const list = (...ranges: [number, number][]) =>
      uidsOf(storage, id, { uids: ranges.map(([from, to]) => ({ from, to })) })
    assert.deepEqual(await uidsOf(storage, id), [1, 2, 3, 5, 6, 7, 8, 9, 10])
    assert.deepEqual(await list([3, 5]), [3, 5])
    assert.deepEqual(await list([9, Number.POSITIVE_INFINITY], [1, 2]), [1, 2, 9, 10])
    assert.deepEqual(await list([2, 6], [5, 7], [3, 3]), [2, 3, 5, 6, 7])
    assert.deepEqual(await list([4, 4], [11, 4_000_000_000]), [])
    assert.deepEqual(await list(), [])
    assert.deepEqual(await uidsOf(storage, id, { uids: [{ from: 3, to: 9 }], limit: 2 }), [3, 5])
    assert.deepEqual(await uidsOf(storage, id, { limit: 0 }), [])
  })

  test('tells messages in outline as it lists them', async storage => {
    const prefix = Buffer.from('X: 1\r\n')
    const copy = { account: 'ann', mailbox: 'INBOX', flags: ['\\Seen'], internalDate: start, prefix }
    await storage.accept(sampleBatch({ copies: [copy] }))
    const id = await fill(storage, 3)
    await storage.mail.expunge(id, [2])
    const inOutline = ({ uid, size, blob, prefix: before }: MessageOutline) => [uid, size, blob, before]
    const told = (await outlineOf(storage.mail, id)).map(inOutline)
    assert.deepEqual(told, (await storage.mail.list(id)).map(inOutline))
    assert.equal(told.length, 3)
  })

  test('counts messages, unseen ones and octets', async storage => {
    await put(storage, 'ann', 'INBOX', ['\\Seen'])
    const id = await fill(storage, 3)
    await put(storage, 'ann', 'Work')
    const size = letter.length
    const counts = async () => {
      const { messages, unseen, bytes } = await mailboxOf(storage, 'ann')
      return [messages, unseen, bytes]
    }
    assert.deepEqual(await counts(), [4, 3, 4 * size])
    assert.deepEqual(await storage.mail.usage('ann'), { messages: 5, bytes: 5 * size })
    await storage.mail.setFlags(id, change('add', ['\\Seen'], 1, 2))
    assert.deepEqual(await counts(), [4, 2, 4 * size])
    await storage.mail.expunge(id, [2, 3])
    assert.deepEqual(await counts(), [2, 1, 2 * size])
    await storage.mail.setFlags(id, change('replace', [], 1))
    assert.deepEqual(await counts(), [2, 2, 2 * size])
    assert.deepEqual(await storage.mail.usage('ann'), { messages: 3, bytes: 3 * size })
  })

  test('adds, removes and replaces flags', async storage => {
    const id = await fill(storage, 3)
    const flags = async () => (await storage.mail.list(id)).map(message => message.flags)
    await storage.mail.setFlags(id, change('add', ['work', '\\Seen', 'work'], 1, 3))
    assert.deepEqual(await flags(), [['\\Seen', 'work'], [], ['\\Seen', 'work']])
    await storage.mail.setFlags(id, change('remove', ['work', 'none'], 3))
    await storage.mail.setFlags(id, change('add', ['\\Answered'], 3))
    await storage.mail.setFlags(id, change('replace', ['$Junk'], 1))
    assert.deepEqual(await flags(), [['$Junk'], [], ['\\Answered', '\\Seen']])
  })

  test('gives changed messages one higher MODSEQ, and the others keep theirs', async storage => {
    const id = await fill(storage, 3)
    await storage.mail.setFlags(id, change('add', ['x'], 2))
    const before = await mailboxOf(storage, 'ann')
    const { messages, modified } = await storage.mail.setFlags(id, {
      ...change('add', ['x']),
      uids: [{ from: 1, to: 2 }, { from: 3, to: 99 }, ...everything],
    })
    assert.deepEqual(modified, [])
    assert.deepEqual(
      messages.map(message => message.uid),
      [1, 2, 3],
    )
    const [first, second, third] = messages
    assert.ok(first && second && third)
    assert.ok(first.modseq > before.highestModseq && first.modseq === third.modseq)
    assert.ok(second.modseq <= before.highestModseq, 'its flags stayed the same')
    assert.deepEqual(await storage.mail.list(id), messages)
    assert.equal((await mailboxOf(storage, 'ann')).highestModseq, first.modseq)
  })

  test('leaves the mailbox alone when no flag changes', async storage => {
    const id = await fill(storage, 2)
    const before = await mailboxOf(storage, 'ann')
    await storage.mail.setFlags(id, change('remove', ['x'], 1, 2))
    await storage.mail.setFlags(id, change('add', ['x'], 7))
    await storage.mail.expunge(id, [7])
    assert.deepEqual(await mailboxOf(storage, 'ann'), before)
  })

  test('changes no message that changed after unchangedSince (RFC 7162 §3.1.3)', async storage => {
    const id = await fill(storage, 3)
    const { highestModseq } = await mailboxOf(storage, 'ann')
    await storage.mail.setFlags(id, change('add', ['x'], 2))
    const result = await storage.mail.setFlags(id, {
      mode: 'add',
      flags: ['y'],
      uids: everything,
      unchangedSince: highestModseq,
    })
    assert.deepEqual(result.modified, [2])
    assert.deepEqual(
      result.messages.map(message => [message.uid, message.flags]),
      [
        [1, ['y']],
        [3, ['y']],
      ],
    )
    assert.deepEqual((await storage.mail.list(id, { uids: [{ from: 2, to: 2 }] }))[0]?.flags, ['x'])
  })

  test('lets one of two who change with the same unchangedSince win', async storage => {
    const id = await fill(storage, 1)
    const { highestModseq } = await mailboxOf(storage, 'ann')
    const results = await Promise.all(
      ['x', 'y'].map(flag =>
        storage.mail.setFlags(id, { ...change('add', [flag], 1), unchangedSince: highestModseq }),
      ),
    )
    assert.equal(results.flatMap(result => result.modified).length, 1)
    assert.equal((await storage.mail.list(id))[0]?.flags.length, 1)
  })

  test('lists what changed since a MODSEQ', async storage => {
    const id = await fill(storage, 5)
    const { highestModseq } = await mailboxOf(storage, 'ann')
    assert.deepEqual(await storage.mail.list(id, { changedSince: highestModseq }), [])
    await storage.mail.setFlags(id, change('add', ['x'], 4, 2))
    await storage.mail.setFlags(id, change('add', ['y'], 2))
    await put(storage, 'ann')
    await storage.mail.setFlags(id, change('add', ['z'], 5))
    await storage.mail.expunge(id, [5])
    assert.deepEqual(await uidsOf(storage, id, { changedSince: highestModseq }), [2, 4, 6])
    assert.deepEqual(await uidsOf(storage, id, { changedSince: highestModseq, limit: 2 }), [2, 4])
    assert.deepEqual(
      await uidsOf(storage, id, { changedSince: highestModseq, uids: [{ from: 3, to: 9 }] }),
      [4, 6],
    )
    assert.deepEqual(await uidsOf(storage, id, { changedSince: 0 }), [1, 2, 3, 4, 6])
  })

  test('expunges, names those that were there, and remembers them', async storage => {
    const id = await fill(storage, 5)
    const { highestModseq } = await mailboxOf(storage, 'ann')
    assert.deepEqual(await storage.mail.expunge(id, [4, 2, 99, 4]), [2, 4])
    const between = (await mailboxOf(storage, 'ann')).highestModseq
    assert.ok(between > highestModseq)
    assert.deepEqual(await storage.mail.expunge(id, [4]), [])
    await storage.mail.expunge(id, [1])
    assert.deepEqual(await storage.mail.vanished(id, highestModseq), [1, 2, 4])
    assert.deepEqual(await storage.mail.vanished(id, between), [1])
    assert.deepEqual(await storage.mail.vanished(id, (await mailboxOf(storage, 'ann')).highestModseq), [])
    assert.deepEqual(await uidsOf(storage, id), [3, 5])
  })

  test('never gives a UID again', async storage => {
    const id = await fill(storage, 3)
    await storage.mail.expunge(id, [3, 2, 1])
    assert.equal((await mailboxOf(storage, 'ann')).uidNext, 4)
    assert.equal((await put(storage, 'ann')).copies[0]?.uid, 4)
  })

  test('copies messages in the order asked for, flags and dates kept', async storage => {
    await put(storage, 'ann', 'INBOX', ['\\Seen', 'work'])
    const id = await fill(storage, 2)
    const target = await storage.mail.createMailbox('ann', 'Archive')
    assert.deepEqual(await storage.mail.copy(id, [3, 99, 1], target.id, start + 9), [
      { from: 3, to: 1 },
      { from: 1, to: 2 },
    ])
    const [, copy] = await storage.mail.list(target.id)
    const [original] = await storage.mail.list(id)
    assert.ok(copy && original)
    assert.deepEqual(copy, { ...original, uid: 2, modseq: copy.modseq, savedAt: start + 9 })
    assert.equal((await storage.mail.usage('ann')).messages, 5)
    assert.deepEqual(await uidsOf(storage, id), [1, 2, 3])
  })

  test('copies between accounts', async storage => {
    const id = await fill(storage, 1)
    const other = await mailboxOf(storage, 'ben')
    await storage.mail.copy(id, [1], other.id, start)
    assert.equal((await storage.mail.usage('ben')).messages, 1)
    await storage.mail.expunge(id, [1])
    const [copy] = await storage.mail.list(other.id)
    assert.equal((await bytesOf(await storage.blobs.open(copy?.blob ?? ''))).toString(), letter)
  })

  test('moves messages in one commit (RFC 6851)', async storage => {
    const id = await fill(storage, 3)
    const before = await mailboxOf(storage, 'ann')
    const target = await storage.mail.createMailbox('ann', 'Archive')
    assert.deepEqual(await storage.mail.move(id, [2, 9], target.id, start), [{ from: 2, to: 1 }])
    assert.deepEqual(await uidsOf(storage, id), [1, 3])
    assert.deepEqual(await storage.mail.vanished(id, before.highestModseq), [2])
    assert.equal((await storage.mail.usage('ann')).messages, 3)
    const [moved] = await storage.mail.list(target.id)
    assert.equal((await bytesOf(await storage.blobs.open(moved?.blob ?? ''))).toString(), letter)
  })

  test('moves within a mailbox: the message gets a new UID', async storage => {
    const id = await fill(storage, 2)
    assert.deepEqual(await storage.mail.move(id, [1], id, start), [{ from: 1, to: 3 }])
    assert.deepEqual(await uidsOf(storage, id), [2, 3])
  })

  test('changes nothing when the target of a copy or move does not exist', async storage => {
    const id = await fill(storage, 1)
    await assert.rejects(storage.mail.copy(id, [1], 'none', start), { code: 'NO_SUCH_MAILBOX' })
    await assert.rejects(storage.mail.move(id, [1], 'none', start), { code: 'NO_SUCH_MAILBOX' })
    assert.deepEqual(await uidsOf(storage, id), [1])
  })

  test('counts right when many change at once', async storage => {
    const id = await fill(storage, 40)
    const uids = Array.from({ length: 40 }, (_, index) => index + 1)
    await Promise.all(
      uids.map(uid =>
        uid % 2 ? storage.mail.setFlags(id, change('add', ['\\Seen'], uid)) : storage.mail.expunge(id, [uid]),
      ),
    )
    const { messages, unseen, bytes } = await mailboxOf(storage, 'ann')
    assert.deepEqual([messages, unseen, bytes], [20, 0, 20 * letter.length])
  })
}
