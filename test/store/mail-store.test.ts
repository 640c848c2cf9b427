import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { bytesSource, readAll } from '../../src/message/sources.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { createMailStore } from '../../src/store/create-mail-store.js'

const letter = 'From: Ann <ann@example.test>\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n\r\nHello there.\r\n'

describe('createMailStore', () => {
  it('keeps a message and gives it back byte for byte', async () => {
    await using store = createMailStore()
    const bytes = Uint8Array.from({ length: 5_000 }, (_, index) => index & 255)
    const original = Buffer.from(bytes)
    const stored = await store.append('ann', bytes)
    bytes.fill(0)
    const inbox = await store.mailbox('ann')
    expect(stored).toMatchObject({ account: 'ann', mailbox: 'INBOX', uid: 1 })
    expect(await readAll(await inbox.open(1))).toEqual(original)
    expect(await readAll(await inbox.open(await inbox.get(1)))).toEqual(original)
  })

  it('reads a range of a message without the rest', async () => {
    await using store = createMailStore()
    await store.append('ann', bytesSource(letter))
    const source = await (await store.mailbox('ann')).open(1)
    const chunks: Uint8Array[] = []
    for await (const chunk of source.open({ start: 6, end: 9 })) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).toBe('Ann')
  })

  it('parses a message for people', async () => {
    await using store = createMailStore()
    await store.append('ann', letter)
    const parsed = await (await store.mailbox('ann')).parse(1)
    expect(parsed.subject).toBe('café')
    expect(parsed.from).toEqual([{ name: 'Ann', address: 'ann@example.test' }])
    expect(parsed.text?.trim()).toBe('Hello there.')
  })

  it('dates messages by its clock, unless a date is given', async () => {
    const clock = createVirtualClock()
    await using store = createMailStore({ clock })
    await store.append('ann', letter)
    await clock.advance('1h')
    await store.append('ann', letter, { internalDate: 5 })
    const [first, second] = await (await store.mailbox('ann')).list()
    expect(first).toMatchObject({ internalDate: clock.now() - 3_600_000, savedAt: clock.now() - 3_600_000 })
    expect(second).toMatchObject({ internalDate: 5, savedAt: clock.now() })
  })

  it('changes flags in their one spelling', async () => {
    await using store = createMailStore()
    await store.append('ann', letter, { flags: ['\\SEEN', 'work', '\\seen'] })
    await store.append('ann', letter)
    await store.append('ann', letter)
    const inbox = await store.mailbox('ann')
    const flags = async () => (await inbox.list()).map(message => message.flags)
    expect(await flags()).toEqual([['\\Seen', 'work'], [], []])
    await inbox.addFlags([3, 1, 2], ['\\flagged', '$FORWARDED'])
    await inbox.removeFlags(1, ['\\SEEN'])
    await inbox.setFlags([3], ['\\Answered'])
    expect(await flags()).toEqual([
      ['$Forwarded', '\\Flagged', 'work'],
      ['$Forwarded', '\\Flagged'],
      ['\\Answered'],
    ])
  })

  it('changes the flags of those named and of no others between them', async () => {
    await using store = createMailStore()
    for (let index = 0; index < 6; index++) await store.append('ann', letter)
    const inbox = await store.mailbox('ann')
    const { messages } = await inbox.addFlags([6, 1, 3, 4, 1, 99], ['x'])
    expect(messages.map(message => message.uid)).toEqual([1, 3, 4, 6])
  })

  it('stays with its mailbox when another gets the name', async () => {
    await using store = createMailStore()
    const first = await store.createMailbox('ann', 'Work')
    await store.renameMailbox('ann', 'Work', 'Old')
    const second = await store.createMailbox('ann', 'Work')
    expect(second.id).not.toBe(first.id)
    expect(await first.status()).toMatchObject({ id: first.id, name: 'Old' })
  })

  it('leaves messages alone that changed since', async () => {
    await using store = createMailStore()
    await store.append('ann', letter)
    await store.append('ann', letter)
    const inbox = await store.mailbox('ann')
    const { highestModseq } = await inbox.status()
    await inbox.addFlags(2, ['\\Seen'])
    const result = await inbox.addFlags([1, 2], ['work'], { unchangedSince: highestModseq })
    expect(result.modified).toEqual([2])
    expect(result.messages.map(message => message.uid)).toEqual([1])
  })

  it('deletes, copies and moves messages', async () => {
    await using store = createMailStore()
    for (let index = 0; index < 4; index++) await store.append('ann', letter)
    const archive = await store.createMailbox('ann', 'Archive', { specialUse: '\\archive' })
    const inbox = await store.mailbox('ann')
    const { highestModseq } = await inbox.status()
    expect(await inbox.copy([2, 9], 'Archive')).toEqual([{ from: 2, to: 1 }])
    expect(await inbox.move(3, 'Archive')).toEqual([{ from: 3, to: 2 }])
    expect(await inbox.delete([1, 9])).toEqual([1])
    expect(await inbox.vanished(highestModseq)).toEqual([1, 3])
    expect((await inbox.list()).map(message => message.uid)).toEqual([2, 4])
    expect(await archive.status()).toMatchObject({ messages: 2, specialUse: '\\Archive' })
    expect(await store.usage('ann')).toEqual({ messages: 4, bytes: 4 * letter.length })
    await expect(inbox.copy(2, 'nowhere')).rejects.toMatchObject({ code: 'NO_SUCH_MAILBOX' })
    await expect(inbox.move(2, 'nowhere')).rejects.toMatchObject({ code: 'NO_SUCH_MAILBOX' })
  })

  it('says what does not exist', async () => {
    await using store = createMailStore()
    await store.append('ann', letter)
    const inbox = await store.mailbox('ann')
    const record = await inbox.get(1)
    await inbox.delete(1)
    for (const asked of [inbox.get(1), inbox.open(1), inbox.open(record), inbox.parse(1), inbox.get(77)]) {
      await expect(asked).rejects.toMatchObject({ code: 'NO_SUCH_MESSAGE', temporary: false })
    }
    await expect(store.mailbox('ann', 'none')).rejects.toMatchObject({
      code: 'NO_SUCH_MAILBOX',
      message: 'mailbox "none" does not exist',
    })
  })

  it('makes, renames and deletes mailboxes', async () => {
    await using store = createMailStore()
    const work = await store.createMailbox('ann', 'Work/2026')
    await store.append('ann', letter, { mailbox: 'Work/2026' })
    await store.renameMailbox('ann', 'Work', 'Job')
    expect((await store.mailboxes('ann')).map(mailbox => mailbox.name)).toEqual(['INBOX', 'Job', 'Job/2026'])
    expect(await work.status()).toMatchObject({ name: 'Job/2026', messages: 1 })
    expect(work.name).toBe('Job/2026')
    expect(await readAll(await work.open(1))).toHaveLength(letter.length)
    await expect(store.createMailbox('ann', 'Job')).rejects.toMatchObject({ code: 'MAILBOX_EXISTS' })
    await expect(store.renameMailbox('ann', 'Job', 'inbox')).rejects.toMatchObject({ code: 'MAILBOX_EXISTS' })
    await store.deleteMailbox('ann', 'Job/2026')
    await expect(work.status()).rejects.toMatchObject({ code: 'NO_SUCH_MAILBOX' })
    await expect(store.deleteMailbox('ann', 'inBox')).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(store.createMailbox('ann', 'x', { specialUse: '\\Inbox' })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
  })

  it('refuses a message that would pass the quota', async () => {
    await using store = createMailStore()
    const bytes = 3 * letter.length
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, () => store.append('ann', letter, { quota: { bytes } })),
    )
    expect(results.filter(result => result.status === 'fulfilled')).toHaveLength(3)
    expect(await store.usage('ann')).toEqual({ messages: 3, bytes })
    await expect(store.append('ann', letter, { quota: { messages: 3 } })).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
      temporary: true,
      reply: { code: 452, enhanced: '4.2.2' },
    })
    const small = { quota: { bytes: letter.length - 1 } }
    await expect(store.append('cem', letter, small)).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
      temporary: false,
      reply: { code: 552, enhanced: '5.2.2' },
    })
    await store.append('ann', letter, { quota: { messages: 4 } })
    await store.append('ben', letter, { quota: { bytes: letter.length } })
  })

  it('names what is wrong with an argument', async () => {
    await using store = createMailStore()
    await store.append('ann', letter)
    const inbox = await store.mailbox('ann')
    const wrong: [() => Promise<unknown>, RegExp][] = [
      [() => store.append('', letter), /account: got ""/],
      [() => store.append('ann', 5 as never), /append: expected the message/],
      [() => store.append('ann', letter, { internalDate: Number.NaN }), /internalDate: got NaN/],
      [() => store.append('ann', letter, { flags: ['a b'] }), /flags: got "a b"/],
      [() => store.append('ann', letter, { mailbox: 'a//b' }), /mailbox name: got "a\/\/b"/],
      [() => inbox.get(0), /uids: got 0/],
      [() => inbox.delete([1, 2.5]), /uids: got \[1,2.5\]/],
      [() => inbox.addFlags('1' as never, ['x']), /uids: got "1"/],
    ]
    for (const [call, message] of wrong) {
      await expect(call()).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringMatching(message),
      })
    }
    expect(await store.usage('ann')).toMatchObject({ messages: 1 })
  })

  it('names what is wrong with an option', () => {
    for (const [options, message] of [
      [{ storage: {} }, /storage: expected a storage with accept\(\)/],
      [
        { storage: { accept() {}, subscribe() {}, close() {} } },
        /parts blobs, mail, queue, locks and records/,
      ],
      [{ clock: 5 }, /clock: expected a clock/],
      [{ lockExpiry: '2 minutes' }, /lockExpiry: expected milliseconds or a length/],
      [{ lockExpiry: 0 }, /lockExpiry: expected 1 ms or more/],
      [{ stroage: 1 }, /stroage/],
    ] as const) {
      expect(() => createMailStore(options as never)).toThrowError(
        expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringMatching(message) }),
      )
    }
  })

  it('takes nothing after it was closed', async () => {
    const store = createMailStore()
    await store.append('ann', letter)
    const inbox = await store.mailbox('ann')
    await Promise.all([store.close(), store.close()])
    await store.close()
    for (const call of [
      () => store.append('ann', letter),
      () => store.mailboxes('ann'),
      () => inbox.list(),
      () => store.lock('ann', 'INBOX'),
      async () => store.changes(),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'CLOSED' })
    }
    await expect(store.storage.mail.mailboxes('ann')).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('leaves a storage open that it was given', async () => {
    await using storage = memoryStorage()
    const store = createMailStore({ storage })
    await store.append('ann', letter)
    await store.close()
    expect(await storage.mail.usage('ann')).toMatchObject({ messages: 1 })
  })

  // hostile-input: `__proto__` and `constructor` as user and mailbox names.
  it('takes the names of object properties as names like any other', async () => {
    await using store = createMailStore()
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']
    for (const account of names) {
      expect(await store.usage(account)).toEqual({ bytes: 0, messages: 0 })
      for (const mailbox of names) {
        await expect(store.mailbox(account, mailbox)).rejects.toMatchObject({ code: 'NO_SUCH_MAILBOX' })
        await store.append(account, letter, { mailbox, flags: ['__proto__', 'constructor'] })
        const [message] = await (await store.mailbox(account, mailbox)).list()
        expect(message?.flags).toEqual(['__proto__', 'constructor'])
      }
      expect((await store.mailboxes(account)).map(mailbox => mailbox.name).sort()).toEqual(
        ['INBOX', ...names].sort(),
      )
      const lock = await store.lock(account, '__proto__')
      expect(await store.lock(account, '__proto__')).toBeUndefined()
      expect(await store.lock(account, 'constructor')).toBeDefined()
      await lock?.release()
    }
    expect(Object.keys(Object.prototype)).toEqual([])
    await expect(store.mailbox('valueOf', 'constructor')).rejects.toMatchObject({ code: 'NO_SUCH_MAILBOX' })
  })
})
