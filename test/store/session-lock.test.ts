import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { createMailStore } from '../../src/store/create-mail-store.js'

describe('lock', () => {
  it('gives a mailbox to one session', async () => {
    await using store = createMailStore()
    const lock = await store.lock('ann', 'INBOX')
    expect(lock).toBeDefined()
    expect(await store.lock('ann', 'inbox')).toBeUndefined()
    expect(await store.lock('ben', 'INBOX')).toBeDefined()
    await Promise.all([lock?.release(), lock?.release()])
    expect(await store.lock('ann', 'INBOX')).toBeDefined()
    await expect(store.lock('ann', 'none')).rejects.toMatchObject({ code: 'NO_SUCH_MAILBOX' })
  })

  it('gives a mailbox to one of many who ask at once', async () => {
    await using store = createMailStore()
    const locks = await Promise.all(Array.from({ length: 20 }, () => store.lock('ann', 'INBOX')))
    expect(locks.filter(Boolean)).toHaveLength(1)
  })

  it('is renewed until it is released', async () => {
    const clock = createVirtualClock()
    await using storage = memoryStorage()
    await using store = createMailStore({ storage, clock, lockExpiry: '1m' })
    await using other = createMailStore({ storage, clock })
    const lock = await store.lock('ann', 'INBOX')
    for (let hour = 0; hour < 3; hour++) {
      await clock.advance('1h')
      expect(await other.lock('ann', 'INBOX')).toBeUndefined()
    }
    await lock?.release()
    expect(clock.nextTimer()).toBeUndefined()
    expect(await other.lock('ann', 'INBOX')).toBeDefined()
  })

  it('outlives a process that died no longer than its expiry', async () => {
    const clock = createVirtualClock()
    const dead = {
      ...clock,
      now: () => clock.now(),
      schedule: () => ({ cancel: () => {} }),
      track: <T>(work: T) => work,
    }
    await using storage = memoryStorage()
    const died = createMailStore({
      storage,
      clock: { ...dead, monotonic: () => clock.monotonic() },
      lockExpiry: '1m',
    })
    await using store = createMailStore({ storage, clock })
    await died.lock('ann', 'INBOX')
    await clock.advance('59s')
    expect(await store.lock('ann', 'INBOX')).toBeUndefined()
    await clock.advance('1s')
    expect(await store.lock('ann', 'INBOX')).toBeDefined()
  })

  it('tries on when it cannot be renewed, and gives up when another has it', async () => {
    const clock = createVirtualClock()
    const storage = memoryStorage()
    const warnings: string[] = []
    const warn = (_fields: object, message: string) => warnings.push(message)
    const logger = { debug() {}, info() {}, warn, error() {} }
    await using store = createMailStore({ storage, clock, logger, lockExpiry: '3m' })
    await store.lock('ann', 'INBOX')
    const acquire = storage.locks.acquire.bind(storage.locks)
    storage.locks.acquire = () => Promise.reject(new Error('no connection'))
    await clock.advance('1m')
    expect(warnings).toEqual(['a session lock could not be renewed'])
    storage.locks.acquire = async () => false
    await clock.advance('1m')
    expect(warnings[1]).toBe('a session lock ran out and was taken by another')
    storage.locks.acquire = acquire
    await clock.advance('1h')
    expect(warnings).toHaveLength(2)
    expect(clock.nextTimer()).toBeUndefined()
  })

  it('is given back when the store is closed while it is taken or renewed', async () => {
    const clock = createVirtualClock()
    await using storage = memoryStorage()
    const acquire = storage.locks.acquire.bind(storage.locks)
    const closing = createMailStore({ storage, clock })
    storage.locks.acquire = async (...request) => {
      void closing.close()
      return acquire(...request)
    }
    await expect(closing.lock('ann', 'INBOX')).rejects.toMatchObject({ code: 'CLOSED' })
    storage.locks.acquire = acquire
    await using store = createMailStore({ storage, clock, lockExpiry: '3m' })
    const lock = await store.lock('ann', 'INBOX')
    let released: Promise<void> | undefined
    storage.locks.acquire = async (...request) => {
      await new Promise(resolve => setImmediate(resolve))
      released = lock?.release()
      // The release must wait for this renewal, or it would come before it.
      await new Promise(resolve => setImmediate(resolve))
      return acquire(...request)
    }
    await clock.advance('1m')
    await released
    storage.locks.acquire = acquire
    expect(clock.nextTimer()).toBeUndefined()
    expect(await store.lock('ann', 'INBOX')).toBeDefined()
  })

  it('is given back when the store is closed', async () => {
    const clock = createVirtualClock()
    await using storage = memoryStorage()
    const store = createMailStore({ storage, clock })
    await store.lock('ann', 'INBOX')
    await store.close()
    expect(clock.nextTimer()).toBeUndefined()
    await using other = createMailStore({ storage, clock })
    expect(await other.lock('ann', 'INBOX')).toBeDefined()
  })
})
