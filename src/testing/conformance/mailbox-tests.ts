import assert from 'node:assert/strict'
import { mailboxOf, put } from './sample-batch.js'
import type { StorageTest } from './storage-conformance.js'

const noSuchMailbox = { code: 'NO_SUCH_MAILBOX' }
const mailboxExists = { code: 'MAILBOX_EXISTS' }

/** Mailboxes: names, hierarchy, identity. */
export function mailboxTests(test: StorageTest): void {
  test('has an INBOX for an account nobody wrote to', async ({ mail }) => {
    const [inbox, ...others] = await mail.mailboxes('ann')
    assert.deepEqual(others, [])
    assert.equal(inbox?.name, 'INBOX')
    assert.equal(inbox?.account, 'ann')
    assert.equal(inbox?.uidNext, 1)
    assert.equal(inbox?.highestModseq, 1)
    assert.deepEqual([inbox?.messages, inbox?.unseen, inbox?.bytes], [0, 0, 0])
    assert.deepEqual(await mail.mailbox('ann', 'INBOX'), inbox)
    assert.deepEqual(await mail.list(inbox?.id ?? ''), [])
    assert.deepEqual(await mail.usage('ann'), { bytes: 0, messages: 0 })
  })

  test('tells accounts apart', async storage => {
    await put(storage, 'ann')
    assert.equal((await mailboxOf(storage, 'Ann')).messages, 0)
    const ids = await Promise.all(['ann', 'ben'].map(async account => (await mailboxOf(storage, account)).id))
    assert.notEqual(ids[0], ids[1])
  })

  test('lists the accounts that keep messages, page by page', async storage => {
    const names = ['ann', 'Ben', '__proto__', 'cem@example.test', 'Ødegård', '\u{1f4ee}', '\uffee']
    for (const name of names) await put(storage, name, 'Work')
    await put(storage, 'gone')
    await storage.mail.expunge((await mailboxOf(storage, 'gone')).id, [1])
    const listed: string[] = []
    for (let page = await storage.mail.accounts({ limit: 2 }); page.length > 0; ) {
      assert.ok(page.length <= 2)
      listed.push(...page)
      page = await storage.mail.accounts({ after: page.at(-1) ?? '', limit: 2 })
    }
    const kept = listed.filter(name => name !== 'gone')
    assert.deepEqual([...kept].sort(), [...names].sort())
    assert.deepEqual(await storage.mail.accounts(), listed)
  })

  test('makes a mailbox and those above it', async ({ mail }) => {
    const made = await mail.createMailbox('ann', 'Work/2026/May', { specialUse: '\\Archive' })
    assert.equal(made.name, 'Work/2026/May')
    assert.equal(made.specialUse, '\\Archive')
    assert.equal(made.uidNext, 1)
    assert.ok(made.uidValidity >= 1 && made.uidValidity < 2 ** 32)
    const all = await mail.mailboxes('ann')
    assert.deepEqual(
      all.map(({ name, specialUse }) => [name, specialUse]),
      [
        ['INBOX', undefined],
        ['Work', undefined],
        ['Work/2026', undefined],
        ['Work/2026/May', '\\Archive'],
      ],
    )
    assert.equal(new Set(all.map(mailbox => mailbox.id)).size, 4)
  })

  test('lists mailboxes by name, INBOX first', async ({ mail }) => {
    for (const name of ['b', 'A', 'Zoo', 'INBOX/x', 'a']) await mail.createMailbox('ann', name)
    const names = (await mail.mailboxes('ann')).map(mailbox => mailbox.name)
    assert.equal(names[0], 'INBOX')
    assert.deepEqual(names.slice(1), ['A', 'INBOX/x', 'Zoo', 'a', 'b'])
  })

  test('refuses to make a mailbox that exists', async ({ mail }) => {
    await mail.createMailbox('ann', 'Work/2026')
    for (const name of ['Work', 'Work/2026', 'INBOX']) {
      await assert.rejects(mail.createMailbox('ann', name), mailboxExists)
    }
    assert.equal((await mail.mailboxes('ann')).length, 3)
  })

  test('makes a mailbox once when two ask at the same time', async ({ mail }) => {
    const made = await Promise.allSettled([
      mail.createMailbox('ann', 'Work'),
      mail.createMailbox('ann', 'Work'),
    ])
    assert.deepEqual(made.map(result => result.status).sort(), ['fulfilled', 'rejected'])
  })

  test('keeps subscriptions', async storage => {
    await storage.mail.createMailbox('ann', 'Work')
    await storage.mail.setSubscribed('ann', 'Work', true)
    assert.equal((await mailboxOf(storage, 'ann', 'Work')).subscribed, true)
    await storage.mail.setSubscribed('ann', 'Work', false)
    assert.equal((await mailboxOf(storage, 'ann', 'Work')).subscribed, false)
    await assert.rejects(storage.mail.setSubscribed('ann', 'none', true), noSuchMailbox)
  })

  test('renames a mailbox with those below it; ids, UIDs and UIDVALIDITY stay', async storage => {
    await put(storage, 'ann', 'Work')
    await put(storage, 'ann', 'Work/2026')
    await put(storage, 'ann', 'Workshop')
    const before = await mailboxOf(storage, 'ann', 'Work')
    const below = await mailboxOf(storage, 'ann', 'Work/2026')
    await storage.mail.renameMailbox('ann', 'Work', 'Old/Job')
    assert.deepEqual(
      (await storage.mail.mailboxes('ann')).map(mailbox => mailbox.name),
      ['INBOX', 'Old', 'Old/Job', 'Old/Job/2026', 'Workshop'],
    )
    assert.deepEqual(await mailboxOf(storage, 'ann', 'Old/Job'), { ...before, name: 'Old/Job' })
    assert.deepEqual(await mailboxOf(storage, 'ann', 'Old/Job/2026'), { ...below, name: 'Old/Job/2026' })
    assert.equal((await storage.mail.list(before.id))[0]?.uid, 1)
    assert.equal(await storage.mail.mailbox('ann', 'Work'), undefined)
  })

  test('renames a mailbox to a place below itself', async storage => {
    await put(storage, 'ann', 'Work')
    await storage.mail.renameMailbox('ann', 'Work', 'Work/Old')
    assert.equal((await mailboxOf(storage, 'ann', 'Work')).messages, 0)
    assert.equal((await mailboxOf(storage, 'ann', 'Work/Old')).messages, 1)
  })

  test('renames to a place below itself where others are that move too', async ({ mail }) => {
    await mail.createMailbox('ann', 'a/b/c')
    await mail.createMailbox('ann', 'a/c')
    await mail.deleteMailbox('ann', 'a/b')
    const ids = [(await mail.mailbox('ann', 'a/b/c'))?.id, (await mail.mailbox('ann', 'a/c'))?.id]
    await mail.renameMailbox('ann', 'a', 'a/b')
    assert.deepEqual(
      (await mail.mailboxes('ann')).map(mailbox => mailbox.name),
      ['INBOX', 'a', 'a/b', 'a/b/b/c', 'a/b/c'],
    )
    assert.equal((await mail.mailbox('ann', 'a/b/b/c'))?.id, ids[0])
    assert.equal((await mail.mailbox('ann', 'a/b/c'))?.id, ids[1])
  })

  test('refuses to rename what is not there, or to what is there', async ({ mail }) => {
    await mail.createMailbox('ann', 'a/x')
    await mail.createMailbox('ann', 'b')
    await assert.rejects(mail.renameMailbox('ann', 'none', 'c'), noSuchMailbox)
    await assert.rejects(mail.renameMailbox('ann', 'a', 'b'), mailboxExists)
    await assert.rejects(mail.renameMailbox('ann', 'a', 'INBOX'), mailboxExists)
    await assert.rejects(mail.renameMailbox('ann', 'a', 'a'), mailboxExists)
    assert.deepEqual(
      (await mail.mailboxes('ann')).map(mailbox => mailbox.name),
      ['INBOX', 'a', 'a/x', 'b'],
    )
  })

  test('moves the messages of INBOX when it is renamed, and leaves it empty (RFC 3501 §6.3.5)', async storage => {
    await put(storage, 'ann', 'INBOX', ['\\Seen'])
    await put(storage, 'ann', 'INBOX')
    await storage.mail.createMailbox('ann', 'INBOX/below')
    const before = await mailboxOf(storage, 'ann')
    await storage.mail.renameMailbox('ann', 'INBOX', 'Old/2025')
    const after = await mailboxOf(storage, 'ann')
    assert.equal(after.id, before.id)
    assert.equal(after.uidValidity, before.uidValidity)
    assert.equal(after.messages, 0)
    assert.equal(after.bytes, 0)
    assert.ok(after.uidNext >= 3 && after.highestModseq > before.highestModseq)
    assert.deepEqual(await storage.mail.vanished(before.id, before.highestModseq), [1, 2])
    const moved = await mailboxOf(storage, 'ann', 'Old/2025')
    assert.deepEqual([moved.messages, moved.unseen, moved.bytes], [2, 1, before.bytes])
    assert.ok(await storage.mail.mailbox('ann', 'INBOX/below'))
    assert.equal((await storage.mail.usage('ann')).messages, 2)
    for (const { blob } of await storage.mail.list(moved.id)) assert.ok(await storage.blobs.open(blob))
  })

  test('deletes a mailbox with its messages, and not those below it', async storage => {
    await put(storage, 'ann', 'Work')
    await put(storage, 'ann', 'Work/2026')
    const { id } = await mailboxOf(storage, 'ann', 'Work')
    await storage.mail.deleteMailbox('ann', 'Work')
    assert.equal(await storage.mail.mailbox('ann', 'Work'), undefined)
    assert.ok(await storage.mail.mailbox('ann', 'Work/2026'))
    assert.equal((await storage.mail.usage('ann')).messages, 1)
    await assert.rejects(storage.mail.deleteMailbox('ann', 'Work'), noSuchMailbox)
    for (const ask of [
      () => storage.mail.list(id),
      () => storage.mail.expunge(id, [1]),
      () => storage.mail.vanished(id, 0),
      () => storage.mail.copy(id, [1], id, 0),
      () => storage.mail.move(id, [1], id, 0),
      () => storage.mail.setFlags(id, { uids: [{ from: 1, to: 1 }], mode: 'add', flags: ['x'] }),
    ]) {
      await assert.rejects(ask(), noSuchMailbox)
    }
  })

  test('gives a later mailbox of the same name a higher UIDVALIDITY', async storage => {
    let last = 0
    for (let round = 0; round < 3; round++) {
      await put(storage, 'ann', 'Work')
      const { uidValidity } = await mailboxOf(storage, 'ann', 'Work')
      assert.ok(uidValidity > last && uidValidity < 2 ** 32)
      last = uidValidity
      await storage.mail.deleteMailbox('ann', 'Work')
    }
  })
}
