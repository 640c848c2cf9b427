import { describe, expect, it } from 'vitest'
import { createLoginThrottle } from '../../../src/core/login-throttle.js'
import { createVirtualClock } from '../../../src/core/virtual-clock.js'
import { createMailStore } from '../../../src/store/create-mail-store.js'
import type { Mailbox, MailboxLock } from '../../../src/store/mail-store.js'
import { pop3 } from '../dialogue.js'
import { altered, withMailbox } from './altered-store.js'

const message = 'Subject: one\r\n\r\nHello\r\n'
const boom = () => {
  throw new Error('boom at 10.0.0.7')
}
const never = () => new Promise<never>(() => {})

/** A store with one message whose mailboxes do some things differently while `broken.now` holds. */
async function brokenStore(changes: Partial<Mailbox>) {
  const store = createMailStore()
  await store.append('alice', message)
  const broken = { now: true }
  const given = withMailbox(store, () => (broken.now ? changes : {}))
  return { mailStore: store, store: given, broken }
}

describe('a store that fails', () => {
  for (const [how, failure] of [
    ['throws', boom],
    ['rejects', () => Promise.reject(new Error('boom'))],
    ['rejects with nothing', () => Promise.reject()],
  ] as const) {
    for (const operation of ['status', 'outline'] as const) {
      it(`at login (${operation} ${how}) is a temporary failure, and gives the lock back`, async () => {
        const { broken, ...stores } = await brokenStore({ [operation]: failure })
        const { connect, next } = await pop3(stores)
        const failed = next('handler:failed')
        const client = await connect()
        expect(await client.login()).toBe('-ERR [SYS/TEMP] Internal error')
        expect((await failed).error).toMatchObject({ code: 'STORAGE_FAILED', temporary: true })
        broken.now = false
        expect(await client.login()).toMatch(/^\+OK 1 /)
      })
    }

    it(`at RETR (${how}) is a temporary failure, and the session lives`, async () => {
      const { broken, ...stores } = await brokenStore({ open: failure })
      const { loggedIn } = await pop3(stores)
      const client = await loggedIn()
      expect(await client.ask('RETR 1')).toBe('-ERR [SYS/TEMP] Internal error')
      expect(await client.ask('TOP 1 0')).toBe('-ERR [SYS/TEMP] Internal error')
      expect(await client.ask('STAT')).toBe(`+OK 1 ${message.length}`)
    })
  }

  it('before the first octet of a message is told as an error', async () => {
    const source = { size: 10, open: () => chunks(boom) }
    const { broken, ...stores } = await brokenStore({ open: async () => source })
    const { loggedIn } = await pop3(stores)
    const client = await loggedIn()
    expect(await client.ask('RETR 1')).toBe('-ERR [SYS/TEMP] Internal error')
    expect(await client.ask('NOOP')).toMatch(/^\+OK/)
  })

  it('in the middle of a message ends the connection, so that half a message is never a whole one', async () => {
    const source = { size: 100, open: () => chunks(() => Buffer.from('half\r\n'), boom) }
    const { broken, ...stores } = await brokenStore({ open: async () => source })
    const { loggedIn } = await pop3(stores)
    const client = await loggedIn()
    client.send('RETR 1')
    expect(await client.end()).not.toContain('\r\n.\r\n')
  })

  it('by giving less than it said ends the connection too', async () => {
    const source = { size: 100, open: () => chunks(() => Buffer.from('short\r\n')) }
    const { broken, ...stores } = await brokenStore({ open: async () => source })
    const { loggedIn } = await pop3(stores)
    const client = await loggedIn()
    client.send('RETR 1')
    expect(await client.end()).not.toContain('\r\n.\r\n')
  })

  it('by never answering is given up on', async () => {
    const clock = createVirtualClock()
    const { broken, ...stores } = await brokenStore({ open: never })
    const { loggedIn } = await pop3({ ...stores, clock })
    const client = await loggedIn()
    client.send('RETR 1')
    await clock.advance('30s')
    expect(await client.line()).toBe('-ERR [SYS/TEMP] Internal error')
    expect(await client.ask('NOOP')).toMatch(/^\+OK/)
  })

  it('by never answering does not hold the mailbox of a client that went', async () => {
    const clock = createVirtualClock()
    const { broken, ...stores } = await brokenStore({ open: never })
    const { loggedIn } = await pop3({ ...stores, clock })
    const client = await loggedIn()
    client.send('RETR 1')
    await clock.settled()
    client.socket.destroy()
    await clock.settled()
    expect(await stores.mailStore.lock('alice', 'INBOX')).toBeDefined()
  })

  it('by giving the lock too late has it given back', async () => {
    const clock = createVirtualClock()
    const mailStore = createMailStore({ clock })
    let giveLock = () => {}
    let released = 0
    const lock: MailboxLock = {
      release: async () => {
        released++
      },
      [Symbol.asyncDispose]: async () => {},
    }
    const store = altered(mailStore, {
      lock: () =>
        new Promise<MailboxLock>(resolve => {
          giveLock = () => resolve(lock)
        }),
    })
    const { connect } = await pop3({ mailStore, store, clock })
    const client = await connect()
    client.send('USER alice', 'PASS secret')
    await clock.advance('30s')
    await client.line()
    expect(await client.line()).toMatch(/^-ERR \[SYS\/TEMP\]/)
    giveLock()
    await clock.settled()
    expect(released).toBe(1)
  })

  it('does not keep the lock of a client that went during the login', async () => {
    const clock = createVirtualClock()
    const mailStore = createMailStore({ clock })
    let goOn = () => {}
    const store = withMailbox(mailStore, mailbox => ({
      outline: async () => {
        await new Promise<void>(resolve => {
          goOn = resolve
        })
        return mailbox.outline()
      },
    }))
    const { connect, next } = await pop3({ mailStore, store, clock })
    const closed = next('session:closed')
    const client = await connect()
    client.send('USER alice', 'PASS secret')
    await client.line()
    client.socket.destroy()
    await clock.settled()
    expect(await mailStore.lock('alice', 'INBOX')).toBeUndefined()
    goOn()
    await closed
    expect(await mailStore.lock('alice', 'INBOX')).toBeDefined()
  })
})

describe('accounts that fail', () => {
  for (const [how, authenticate] of [
    ['throw', boom],
    ['reject', () => Promise.reject(new Error('boom'))],
    ['never answer', never],
  ] as const) {
    it(`because they ${how} are a temporary failure, and cost no attempt`, async () => {
      const clock = createVirtualClock()
      const { connect, next } = await pop3({ clock, accounts: { authenticate }, maxLoginFailures: 1 })
      const failed = next('handler:failed')
      const client = await connect()
      client.send('USER alice', 'PASS secret')
      await client.line()
      await clock.advance('30s')
      const reply = await client.line()
      expect(reply).toBe('-ERR [SYS/TEMP] Internal error')
      expect((await failed).error).toMatchObject({ code: 'ACCOUNTS_FAILED' })
      expect(await client.ask('CAPA')).toMatch(/^\+OK/)
    })
  }

  for (const answer of [true, 'alice', {}, { id: 7 }, { id: '' }, []]) {
    it(`because they answer ${JSON.stringify(answer)} let nobody in`, async () => {
      const { connect } = await pop3({ accounts: { authenticate: async () => answer as never } })
      const client = await connect()
      expect(await client.login()).toMatch(/^-ERR \[SYS\/PERM\]/)
      expect(await client.ask('STAT')).toMatch(/^-ERR/)
    })
  }
})

describe('accounts that failed', () => {
  it('cost the client no login', async () => {
    let broken = true
    const authenticate = async () => {
      if (broken) throw new Error('boom')
      return { id: 'alice' }
    }
    const loginThrottle = createLoginThrottle({ failuresPerAddress: 1 })
    const { connect } = await pop3({ accounts: { authenticate }, loginThrottle })
    const client = await connect()
    expect(await client.login()).toMatch(/^-ERR \[SYS\/TEMP\]/)
    broken = false
    expect(await client.login()).toMatch(/^\+OK/)
  })
})

describe('a listener of events that throws', () => {
  it('disturbs no session', async () => {
    const { server, loggedIn } = await pop3({ messages: [message] })
    server.on('message:retrieved', boom)
    server.on('session:authenticated', boom)
    const client = await loggedIn()
    expect(await client.askMany('RETR 1')).toHaveLength(3)
    expect(await client.ask('QUIT')).toMatch(/^\+OK/)
  })
})

async function* chunks(...makers: (() => Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const make of makers) yield make()
}
