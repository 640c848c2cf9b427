import { describe, expect, it } from 'vitest'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import type { Storage } from '../../src/storage/storage.js'
import { createMailStore } from '../../src/store/create-mail-store.js'
import type { StoreChange } from '../../src/store/mail-store.js'

const letter = 'Subject: hello\r\n\r\n'

/** The next `count` changes, in short: `added ann/INBOX 1 \Seen`. */
async function take(changes: AsyncIterable<StoreChange>, count: number): Promise<string[]> {
  const iterator = changes[Symbol.asyncIterator]()
  const taken: string[] = []
  while (taken.length < count) {
    const next = await iterator.next()
    if (next.done) return [...taken, 'the end']
    taken.push(describeChange(next.value))
  }
  return taken
}

function describeChange(change: StoreChange): string {
  if (change.kind === 'mailboxes') return `mailboxes ${change.account}`
  const where = `${change.kind} ${change.account}/${change.mailbox}`
  if (change.kind === 'removed') return `${where} ${change.uid}`
  return [where, change.message.uid, ...change.message.flags].join(' ')
}

describe('changes', () => {
  it('tells of messages as they come, change and go', async () => {
    await using store = createMailStore()
    await store.append('ann', letter)
    const inbox = await store.mailbox('ann')
    const changes = store.changes()
    await store.append('ann', letter, { flags: ['work'] })
    expect(await take(changes, 1)).toEqual(['added ann/INBOX 2 work'])
    await inbox.addFlags(1, ['\\Seen'])
    expect(await take(changes, 1)).toEqual(['flags ann/INBOX 1 \\Seen'])
    await inbox.delete([1])
    expect(await take(changes, 1)).toEqual(['removed ann/INBOX 1'])
    await inbox.move(2, 'INBOX')
    expect(await take(changes, 2)).toEqual(['added ann/INBOX 3 work', 'removed ann/INBOX 2'])
  })

  it('wakes a reader that waits', async () => {
    await using store = createMailStore()
    const reading = take(store.changes(), 2)
    await store.append('ann', letter)
    await store.append('ben', letter)
    expect(await reading).toEqual(['added ann/INBOX 1', 'added ben/INBOX 1'])
  })

  it('tells of mailboxes', async () => {
    await using store = createMailStore()
    const changes = store.changes()
    await store.createMailbox('ann', 'Work')
    expect(await take(changes, 1)).toEqual(['mailboxes ann'])
    await store.append('ann', letter, { mailbox: 'Job' })
    expect(await take(changes, 2)).toEqual(['mailboxes ann', 'added ann/Job 1'])
  })

  it('merges the changes of a message for a slow reader', async () => {
    await using store = createMailStore()
    await store.append('ann', letter)
    const inbox = await store.mailbox('ann')
    const changes = store.changes()
    await store.append('ann', letter)
    await store.append('ann', letter)
    for (const flag of ['a', 'b', 'c']) await inbox.addFlags([1, 2, 3], [flag])
    await inbox.delete([3])
    await store.append('ben', letter)
    expect(await take(changes, 4)).toEqual([
      'flags ann/INBOX 1 a b c',
      'added ann/INBOX 2 a b c',
      'removed ann/INBOX 3',
      'added ben/INBOX 1',
    ])
  })

  it('tells each change once, however reader and writer interleave', async () => {
    await using store = createMailStore()
    const inbox = await store.mailbox('ann')
    const changes = store.changes({ account: 'ann' })
    const seen: string[] = []
    const reading = (async () => {
      for await (const change of changes) {
        seen.push(describeChange(change))
        if (change.kind === 'removed' && change.uid === 100) break
      }
    })()
    for (let uid = 1; uid <= 100; uid++) {
      await store.append('ann', letter)
      // The reader runs in the gaps: a different number of turns each time.
      for (let turn = 0; turn < uid % 13; turn++) await Promise.resolve()
      await inbox.addFlags(uid, ['x'])
      for (let turn = 0; turn < uid % 7; turn++) await Promise.resolve()
      await inbox.delete(uid)
    }
    await reading
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.filter(change => change.startsWith('removed'))).toHaveLength(100)
    for (let uid = 1; uid <= 100; uid++) {
      const kinds = seen
        .filter(change => change.split(' ')[2] === String(uid))
        .map(change => change.split(' ')[0])
      expect(['removed', 'added removed', 'added flags removed']).toContain(kinds.join(' '))
    }
  })

  it('tells once what changes between two looks at a mailbox', async () => {
    await using storage = memoryStorage()
    await using store = createMailStore({ storage })
    await store.append('ann', letter)
    const inbox = await store.mailbox('ann')
    const changes = store.changes()
    const { list, vanished } = storage.mail
    storage.mail.list = async (...question) => {
      storage.mail.list = list
      await inbox.addFlags(2, ['x'])
      await store.append('ann', letter)
      return list.apply(storage.mail, question)
    }
    storage.mail.vanished = async (...question) => {
      storage.mail.vanished = vanished
      await inbox.delete(1)
      return vanished.apply(storage.mail, question)
    }
    await store.append('ann', letter)
    expect(await take(changes, 3)).toEqual([
      'added ann/INBOX 2 x',
      'added ann/INBOX 3',
      'removed ann/INBOX 1',
    ])
    await inbox.addFlags(3, ['y'])
    expect(await take(changes, 1)).toEqual(['flags ann/INBOX 3 y'])
  })

  it('tells once what its storage tells late', async () => {
    await using storage = memoryStorage()
    const late: (() => void)[] = []
    const subscribe = storage.subscribe.bind(storage)
    storage.subscribe = listener => subscribe(change => late.push(() => listener(change)))
    await using store = createMailStore({ storage })
    const changes = store.changes()
    for (const _ of [1, 2, 3]) await store.append('ann', letter)
    late.shift()?.()
    expect(await take(changes, 3)).toEqual(['added ann/INBOX 1', 'added ann/INBOX 2', 'added ann/INBOX 3'])
    await (await store.mailbox('ann')).addFlags(2, ['x'])
    late.shift()?.()
    expect(await take(changes, 1)).toEqual(['flags ann/INBOX 2 x'])
    await store.append('ben', letter)
    for (const tell of late) tell()
    expect(await take(changes, 1)).toEqual(['added ben/INBOX 1'])
  })

  it('keeps to an account and a mailbox', async () => {
    await using store = createMailStore()
    const ofAnn = store.changes({ account: 'ann' })
    const ofWork = store.changes({ account: 'ann', mailbox: 'Work' })
    const ofInbox = store.changes({ mailbox: 'inbox' })
    await store.append('ben', letter)
    await store.append('ann', letter, { mailbox: 'Work' })
    await store.append('ann', letter)
    expect(await take(ofAnn, 3)).toEqual(['mailboxes ann', 'added ann/Work 1', 'added ann/INBOX 1'])
    expect(await take(ofWork, 1)).toEqual(['added ann/Work 1'])
    expect(await take(ofInbox, 2)).toEqual(['added ben/INBOX 1', 'added ann/INBOX 1'])
  })

  it('passes over a mailbox that is gone', async () => {
    await using store = createMailStore()
    const changes = store.changes()
    await store.append('ann', letter, { mailbox: 'Work' })
    await store.deleteMailbox('ann', 'Work')
    await store.append('ann', letter)
    expect(await take(changes, 2)).toEqual(['mailboxes ann', 'added ann/INBOX 1'])
  })

  it('ends when its loop is left, and listens no more', async () => {
    const storage = countedStorage()
    await using store = createMailStore({ storage })
    const changes = store.changes()
    expect(storage.listeners).toBe(1)
    await store.append('ann', letter)
    for await (const change of changes) {
      expect(change.kind).toBe('added')
      break
    }
    expect(storage.listeners).toBe(0)
    expect(await take(changes, 1)).toEqual(['the end'])
  })

  it('ends by its signal, also while its reader waits or has much to read', async () => {
    const storage = countedStorage()
    await using store = createMailStore({ storage })
    const abort = new AbortController()
    const waiting = take(store.changes({ signal: abort.signal }), 1)
    const full = store.changes({ signal: abort.signal })
    for (const account of ['ann', 'ben', 'cem']) await store.append(account, letter)
    expect(await waiting).toEqual(['added ann/INBOX 1'])
    expect(await take(full, 1)).toEqual(['added ann/INBOX 1'])
    abort.abort()
    expect(await take(full, 1)).toEqual(['the end'])
    expect(await take(store.changes({ signal: abort.signal }), 1)).toEqual(['the end'])
    expect(storage.listeners).toBe(0)
  })

  it('ends when the store is closed', async () => {
    const storage = countedStorage()
    const store = createMailStore({ storage })
    const reading = take(store.changes(), 1)
    await store.close()
    expect(await reading).toEqual(['the end'])
    expect(storage.listeners).toBe(0)
  })

  it('ends when the store is closed while it reads', async () => {
    const store = createMailStore()
    const changes = store.changes()
    await store.append('ann', letter)
    const reading = take(changes, 1)
    await store.close()
    expect(await reading).toEqual(['the end'])
  })

  it('passes over a mailbox that goes while it is read', async () => {
    await using storage = memoryStorage()
    await using store = createMailStore({ storage })
    const changes = store.changes()
    const list = storage.mail.list.bind(storage.mail)
    storage.mail.list = async (...question) => {
      storage.mail.list = list
      await store.deleteMailbox('ann', 'Work')
      return list(...question)
    }
    await store.append('ann', letter, { mailbox: 'Work' })
    await store.append('ann', letter)
    expect(await take(changes, 3)).toEqual(['mailboxes ann', 'added ann/INBOX 1', 'mailboxes ann'])
  })

  it('ends with the failure of its storage', async () => {
    const storage = countedStorage()
    const store = createMailStore({ storage })
    const changes = store.changes()
    await store.append('ann', letter)
    storage.mail.list = () => Promise.reject(new Error('the disk went away'))
    await expect(take(changes, 1)).rejects.toMatchObject({ code: 'STORAGE_FAILED', temporary: true })
    expect(storage.listeners).toBe(0)
    expect(await take(changes, 1)).toEqual(['the end'])
  })

  it('keeps one note a mailbox of what its reader has not read', async () => {
    await using store = createMailStore()
    const changes = store.changes()
    for (let index = 0; index < 2_000; index++) await store.append('ann', letter)
    const inbox = await store.mailbox('ann')
    await inbox.delete(Array.from({ length: 1_999 }, (_, index) => index + 1))
    expect(await take(changes, 1)).toEqual(['added ann/INBOX 2000'])
  })
})

/** A storage that counts who listens. */
function countedStorage(): Storage & { listeners: number } {
  const storage = Object.assign(memoryStorage(), { listeners: 0 })
  const subscribe = storage.subscribe.bind(storage)
  storage.subscribe = listener => {
    storage.listeners++
    const stop = subscribe(listener)
    return () => {
      storage.listeners--
      stop()
    }
  }
  return storage
}
