import { expect, it } from 'vitest'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import type { MailStorage } from '../../src/storage/mail-storage.js'
import type { Storage } from '../../src/storage/storage.js'
import { createMailStore } from '../../src/store/create-mail-store.js'
import type { MailStore, MailStoreOptions } from '../../src/store/mail-store.js'
import type { RetentionResult } from '../../src/store/retention/retention.js'
import { describeStorages, newStorage } from '../testing-tools/describe-storages.js'

const day = 86_400_000

/** A store on a clock of its own, whose storage is open to the test. */
function world(options: MailStoreOptions) {
  const clock = createVirtualClock()
  const storage = options.storage ?? newStorage()
  const store = createMailStore({ clock, ...options, storage })
  /** Puts messages of ten octets into a mailbox, a day apart. */
  const fill = async (account: string, mailbox: string, count: number) => {
    for (let index = 0; index < count; index++) {
      await store.append(account, '0123456789', { mailbox })
      clock.jump(day)
    }
  }
  return { clock, storage, store, fill }
}

async function uids(store: MailStore, account: string, mailbox = 'INBOX'): Promise<number[]> {
  return (await (await store.mailbox(account, mailbox)).list()).map(message => message.uid)
}

/** A storage with another method of its mailboxes. */
function withMail(
  storage: Storage,
  method: keyof MailStorage,
  replacement: (...args: never[]) => unknown,
): Storage {
  const mail = new Proxy(storage.mail, {
    get: (target, name) => (name === method ? replacement : Reflect.get(target, name).bind(target)),
  })
  return new Proxy(storage, {
    get: (target, name) => {
      if (name === 'mail') return mail
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

describeStorages('retention', () => {
  it('keeps everything where nothing is said', async () => {
    const { store, clock, fill } = world({})
    await fill('ann', 'INBOX', 3)
    await clock.advance('1000d')
    expect(await store.applyRetention()).toEqual({ messages: 0, bytes: 0, mailboxes: [], failed: [] })
    expect(await uids(store, 'ann')).toEqual([1, 2, 3])
  })

  it('removes what is too old from one mailbox, and from no other', async () => {
    const { store, fill } = world({ retention: [{ mailbox: 'Trash', maxAge: '3d' }] })
    await fill('ann', 'Trash', 5)
    await fill('ann', 'Trash/Kept', 1)
    await fill('ben', 'Trash', 1)
    await fill('ben', 'INBOX', 1)
    const result = await store.applyRetention()
    expect(result).toEqual({
      messages: 5,
      bytes: 50,
      mailboxes: [{ account: 'ann', mailbox: 'Trash', messages: 5, bytes: 50 }],
      failed: [],
    })
    expect(await uids(store, 'ann', 'Trash')).toEqual([])
    expect(await uids(store, 'ann', 'Trash/Kept')).toEqual([1])
    expect(await uids(store, 'ben', 'Trash')).toEqual([1])
  })

  it('counts the age from when a message came into its mailbox, to the millisecond', async () => {
    const { store, clock } = world({ retention: [{ mailbox: 'Trash', maxAge: '1d' }] })
    await store.createMailbox('ann', 'Trash')
    await store.append('ann', 'old', { internalDate: 0 })
    clock.jump(10 * day)
    await (await store.mailbox('ann')).move(1, 'Trash')
    clock.jump(day - 1)
    expect((await store.applyRetention()).messages).toBe(0)
    clock.jump(1)
    expect((await store.applyRetention()).messages).toBe(1)
  })

  it('keeps the newest up to a number and to a size', async () => {
    const { store, fill } = world({
      retention: [
        { mailbox: 'Log', maxMessages: 3 },
        { mailbox: 'News', maxBytes: 25 },
        { mailbox: 'None', maxMessages: 0 },
      ],
    })
    for (const mailbox of ['Log', 'News', 'None']) await fill('ann', mailbox, 5)
    expect((await store.applyRetention()).messages).toBe(2 + 3 + 5)
    expect(await uids(store, 'ann', 'Log')).toEqual([3, 4, 5])
    expect(await uids(store, 'ann', 'News')).toEqual([4, 5])
    expect(await uids(store, 'ann', 'None')).toEqual([])
    expect((await store.applyRetention()).messages).toBe(0)
  })

  it('holds all mailboxes of an account together to a limit, the oldest first wherever they are', async () => {
    const { store, fill } = world({ retention: [{ maxMessages: 4 }, { account: 'ben', maxBytes: 30 }] })
    await fill('ann', 'INBOX', 2)
    await fill('ann', 'Work', 2)
    await fill('ann', 'INBOX', 2)
    await fill('ben', 'INBOX', 6)
    await fill('cem', 'INBOX', 1)
    const { mailboxes } = await store.applyRetention()
    expect(await uids(store, 'ann')).toEqual([3, 4])
    expect(await uids(store, 'ann', 'Work')).toEqual([1, 2])
    expect(await uids(store, 'ben')).toEqual([4, 5, 6])
    expect(await uids(store, 'cem')).toEqual([1])
    expect(mailboxes).toEqual([
      { account: 'ann', mailbox: 'INBOX', messages: 2, bytes: 20 },
      { account: 'ben', mailbox: 'INBOX', messages: 3, bytes: 30 },
    ])
  })

  it('lets rules hold one after the other, without removing more than each calls for', async () => {
    const { store, fill } = world({ retention: [{ mailbox: 'Trash', maxMessages: 1 }, { maxMessages: 4 }] })
    await fill('ann', 'Trash', 3)
    await fill('ann', 'INBOX', 3)
    expect((await store.applyRetention()).messages).toBe(2)
    expect(await uids(store, 'ann')).toEqual([1, 2, 3])
    expect(await uids(store, 'ann', 'Trash')).toEqual([3])
  })

  it('asks a function about each mailbox', async () => {
    const { store, fill } = world({
      retention: async ({ account, name, messages }) => {
        if (account === 'ben') throw new Error('the database is down')
        return name === 'INBOX' || messages < 2 ? undefined : { maxMessages: 1 }
      },
    })
    for (const [account, mailbox] of [
      ['ann', 'INBOX'],
      ['ann', 'Log'],
      ['ben', 'Log'],
      ['cem', 'Log'],
    ] as const) {
      await fill(account, mailbox, 3)
    }
    const result = await store.applyRetention()
    expect(result.mailboxes.map(each => [each.account, each.mailbox, each.messages])).toEqual([
      ['ann', 'Log', 2],
      ['cem', 'Log', 2],
    ])
    expect(result.failed).toMatchObject([
      {
        account: 'ben',
        error: { code: 'HANDLER_FAILED', message: expect.stringContaining('the database is down') },
      },
    ])
  })

  it('names what a function answers and may not', async () => {
    const { store, fill } = world({ retention: () => ({ maxAge: 'soon' }) as never })
    await fill('ann', 'INBOX', 1)
    const { failed } = await store.applyRetention()
    expect(failed).toMatchObject(
      [{ error: { code: 'OPTION_INVALID', message: /^retention: maxAge: .*"soon"/ } }].map(({ error }) => ({
        error: { ...error, message: expect.stringMatching(error.message) },
      })),
    )
  })

  it('works through large mailboxes and many accounts', async () => {
    const { store, clock } = world({ retention: [{ maxAge: '1d', mailbox: 'inbox' }, { maxMessages: 10 }] })
    for (let index = 0; index < 1_300; index++) await store.append('ann', 'x')
    for (let index = 0; index < 1_100; index++) await store.append(`user${index}`, 'x')
    clock.jump(2 * day)
    for (let index = 0; index < 12; index++) await store.append('ann', 'y')
    const { messages, mailboxes } = await store.applyRetention()
    expect([messages, mailboxes.length]).toEqual([1_300 + 1_100 + 2, 1_101])
    expect(await store.usage('ann')).toEqual({ messages: 10, bytes: 10 })
  })

  it('is not hidden from by a message that came when the clock was wrong', async () => {
    const { store, clock } = world({ retention: [{ maxAge: '1d' }] })
    clock.jump(3650 * day)
    await store.append('ann', 'future')
    clock.jump(-3650 * day)
    await store.append('ann', 'old')
    clock.jump(2 * day)
    await store.append('ann', 'new')
    expect((await store.applyRetention()).messages).toBe(1)
    expect(await uids(store, 'ann')).toEqual([1, 3])
  })

  it('runs by itself a minute after the start and at each interval, and tells of it', async () => {
    const { store, clock, fill } = world({ retention: [{ maxMessages: 2 }], retentionInterval: '6h' })
    const told: (RetentionResult & { traceId: string })[] = []
    store.on('retention:applied', result => told.push(result))
    await fill('ann', 'INBOX', 3)
    await clock.advance('59s')
    expect(told).toEqual([])
    await clock.advance('1s')
    expect(told).toMatchObject([{ messages: 1, traceId: expect.stringMatching(/^\w{16}$/) }])
    await fill('ann', 'INBOX', 1)
    await clock.advance('5h')
    expect(told).toHaveLength(1)
    await clock.advance('1h')
    expect(told).toHaveLength(2)
    expect(told[1]).toMatchObject({ messages: 1 })
    await store.close()
    expect(clock.nextTimer()).toBeUndefined()
  })

  it('goes on after a failure of the storage, and tells of it', async () => {
    const real = newStorage()
    let fails = true
    const storage = withMail(real, 'accounts', (...args: Parameters<MailStorage['accounts']>) =>
      fails ? Promise.reject(new Error('the disk is gone')) : real.mail.accounts(...args),
    )
    const { store, clock, fill } = world({ storage, retention: [{ maxMessages: 2 }] })
    const errors: string[] = []
    store.on('retention:failed', ({ error }) => errors.push(error.message))
    await fill('ann', 'INBOX', 3)
    await clock.advance('1m')
    expect(errors).toEqual(['storage: mail.accounts failed: the disk is gone'])
    await expect(store.applyRetention()).rejects.toMatchObject({ code: 'STORAGE_FAILED', temporary: true })
    fails = false
    await clock.advance('1h')
    expect(await uids(store, 'ann')).toEqual([2, 3])
  })

  it('tells the changes of what goes, and counts what another removed meanwhile as theirs', async () => {
    const real = newStorage()
    const storage = withMail(real, 'expunge', async (mailbox: string, gone: number[]) => {
      await real.mail.expunge(mailbox, [1])
      return real.mail.expunge(mailbox, gone)
    })
    const { store, fill } = world({ storage, retention: [{ maxMessages: 1 }] })
    await fill('ann', 'INBOX', 3)
    const changes = store.changes()[Symbol.asyncIterator]()
    expect(await store.applyRetention()).toMatchObject({ messages: 1, bytes: 10 })
    expect((await changes.next()).value).toMatchObject({ kind: 'removed', uid: 1 })
    expect((await changes.next()).value).toMatchObject({ kind: 'removed', uid: 2 })
  })

  it('stops when the store is closed, and lets one run follow the other', async () => {
    const real = newStorage()
    let close: (() => Promise<void>) | undefined
    let running = 0
    const storage = withMail(real, 'expunge', async (...args: Parameters<MailStorage['expunge']>) => {
      expect(++running).toBe(1)
      void close?.()
      const gone = await real.mail.expunge(...args)
      running--
      return gone
    })
    const { store, fill } = world({ storage, retention: [{ maxMessages: 1 }] })
    await fill('ann', 'INBOX', 3)
    await fill('ben', 'INBOX', 3)
    const [first, second] = await Promise.all([store.applyRetention(), store.applyRetention()])
    expect([first.messages, second.messages]).toEqual([4, 0])
    await fill('ann', 'INBOX', 2)
    await fill('ben', 'INBOX', 2)
    close = () => store.close()
    await expect(store.applyRetention()).rejects.toMatchObject({ code: 'CLOSED' })
    await store.close()
    expect(await real.mail.usage('ben')).toMatchObject({ messages: 3 })
    await expect(store.applyRetention()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('refuses rules that say nothing or something else', () => {
    const wrong = [
      [{}],
      [{ maxAge: 'soon' }],
      [{ maxMessages: -1 }],
      [{ maxBytes: 1.5 }],
      [{ mailbox: '', maxAge: 1 }],
      [{ maxCount: 1 }],
      'all',
    ]
    for (const retention of wrong) {
      expect(() => createMailStore({ retention } as never)).toThrow(/^createMailStore: retention/)
    }
    expect(() => createMailStore({ retentionInterval: 5 })).toThrow(/retentionInterval: expected 1 s or more/)
  })
})
