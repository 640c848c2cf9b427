import { describe, expect, it } from 'vitest'
import { MailError } from '../../src/core/error.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import type { Storage } from '../../src/storage/storage.js'
import { createMailStore } from '../../src/store/create-mail-store.js'
import type { Mailbox, MailStore } from '../../src/store/mail-store.js'

interface Door {
  /** The method of the driver behind it. */
  readonly part: 'mail' | 'blobs' | 'locks' | 'storage'
  readonly method: string
  readonly call: (store: MailStore, inbox: Mailbox) => Promise<unknown>
  /** Answers its contract does not allow. */
  readonly wrong: readonly unknown[]
}

const doors: readonly Door[] = [
  {
    part: 'mail',
    method: 'mailboxes',
    call: store => store.mailboxes('ann'),
    wrong: [undefined, {}, [{}], [null]],
  },
  {
    part: 'mail',
    method: 'mailbox',
    call: store => store.mailbox('ann'),
    wrong: [null, 5, {}, { id: 1, name: 'x' }],
  },
  {
    part: 'mail',
    method: 'createMailbox',
    call: store => store.createMailbox('ann', 'x'),
    wrong: [undefined, true],
  },
  {
    part: 'mail',
    method: 'usage',
    call: store => store.usage('ann'),
    wrong: [undefined, { bytes: '1', messages: 1 }],
  },
  {
    part: 'mail',
    method: 'list',
    call: (_, inbox) => inbox.list(),
    wrong: [undefined, 'x', [1], [{ uid: '1' }]],
  },
  {
    part: 'mail',
    method: 'outline',
    call: (_, inbox) => inbox.outline(),
    wrong: [undefined, 'x', [1], [{ uid: 1, size: 1 }]],
  },
  {
    part: 'mail',
    method: 'setFlags',
    call: (_, inbox) => inbox.addFlags(1, ['x']),
    wrong: [undefined, {}, []],
  },
  {
    part: 'mail',
    method: 'copy',
    call: (_, inbox) => inbox.copy(1, 'INBOX'),
    wrong: [undefined, [1], [{ from: 1 }]],
  },
  { part: 'mail', method: 'move', call: (_, inbox) => inbox.move(1, 'INBOX'), wrong: [{}, [null]] },
  { part: 'mail', method: 'expunge', call: (_, inbox) => inbox.delete(1), wrong: [undefined, ['1'], 1] },
  { part: 'mail', method: 'vanished', call: (_, inbox) => inbox.vanished(1), wrong: [null, [{}]] },
  {
    part: 'blobs',
    method: 'open',
    call: (_, inbox) => inbox.open(1),
    wrong: [null, {}, { size: 1 }, Buffer.from('x')],
  },
  {
    part: 'locks',
    method: 'acquire',
    call: store => store.lock('ann', 'INBOX'),
    wrong: [undefined, 1, 'yes'],
  },
  {
    part: 'storage',
    method: 'accept',
    call: store => store.append('ann', 'x'),
    wrong: [undefined, {}, { copies: [] }, { copies: [{}] }],
  },
]

/** Has the driver do something else in one method. */
function breakMethod(storage: Storage, { part, method }: Door, broken: () => unknown): void {
  Object.assign(part === 'storage' ? storage : storage[part], { [method]: broken })
}

async function setUp() {
  const storage = memoryStorage()
  const store = createMailStore({ storage })
  await store.append('ann', 'Subject: hello\r\n\r\n')
  return { storage, store, inbox: await store.mailbox('ann') }
}

describe.each(doors)('$part.$method', door => {
  it('answers a wrong type: DRIVER_CONTRACT, temporary', async () => {
    const { storage, store, inbox } = await setUp()
    for (const answer of door.wrong) {
      breakMethod(storage, door, async () => answer)
      const what = door.part === 'storage' ? door.method : `${door.part}.${door.method}`
      await expect(door.call(store, inbox)).rejects.toMatchObject({
        code: 'DRIVER_CONTRACT',
        temporary: true,
        message: expect.stringMatching(new RegExp(`^storage: ${what} answered `)),
      })
    }
  })

  it('throws or rejects: STORAGE_FAILED, temporary, with its cause and a reply that tells nothing', async () => {
    const { storage, store, inbox } = await setUp()
    const cause = new Error('secret path /var/db')
    const failing = [
      () => Promise.reject(cause),
      () => {
        throw cause
      },
    ]
    for (const fail of failing) {
      breakMethod(storage, door, fail)
      const thrown = await door.call(store, inbox).catch((error: unknown) => error)
      expect(thrown).toMatchObject({ code: 'STORAGE_FAILED', temporary: true, cause, reply: { code: 451 } })
      expect(JSON.stringify((thrown as MailError).reply)).not.toContain('secret')
    }
  })
})

describe('a storage that is full', () => {
  it('is temporary, however the driver says it', async () => {
    const { storage, store } = await setUp()
    storage.accept = () => Promise.reject(new MailError('STORAGE_FULL', 'no room'))
    await expect(store.append('ann', 'x')).rejects.toMatchObject({ code: 'STORAGE_FULL', temporary: true })
    await using small = createMailStore({ storage: memoryStorage({ maxBytes: 10 }) })
    await expect(small.append('ann', 'x'.repeat(11))).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      temporary: true,
    })
    expect(await small.usage('ann')).toEqual({ bytes: 0, messages: 0 })
  })
})

describe('a driver that does not close', () => {
  it('does not keep the store from closing', async () => {
    const { storage, store } = await setUp()
    await store.lock('ann', 'INBOX')
    storage.locks.release = () => Promise.reject(new Error('no connection'))
    await expect(store.close()).resolves.toBeUndefined()
  })
})
