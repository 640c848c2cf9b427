import { describe, expect, it } from 'vitest'
import { createMailStore } from '../../../src/store/create-mail-store.js'
import { pop3 } from '../dialogue.js'
import { altered, withMailbox } from './altered-store.js'

const message = 'Subject: one\r\n\r\nHello\r\n'

describe('two sessions on one mailbox', () => {
  it('are one: the second is told [IN-USE] until the first ends', async () => {
    const { connect, loggedIn, next } = await pop3({ messages: [message] })
    const first = await loggedIn()
    const second = await connect()
    const failed = next('auth:failed')
    expect(await second.login()).toMatch(/^-ERR \[IN-USE\]/)
    expect((await failed).reason).toBe('in-use')
    expect(await second.login('bob')).toMatch(/^\+OK/)
    expect(await first.ask('QUIT')).toMatch(/^\+OK/)
    expect(await (await connect()).login()).toMatch(/^\+OK/)
  })

  it('that ask at once: one gets it', async () => {
    const { connect } = await pop3()
    const clients = await Promise.all(Array.from({ length: 20 }, connect))
    const replies = await Promise.all(clients.map(client => client.login()))
    expect(replies.filter(reply => reply.startsWith('+OK'))).toHaveLength(1)
    expect(replies.filter(reply => reply.startsWith('-ERR [IN-USE]'))).toHaveLength(19)
  })

  it('may follow each other at once: the reply of QUIT comes after the mailbox is free', async () => {
    const mailStore = createMailStore()
    let held = false
    const store = altered(mailStore, {
      lock: async (account, mailbox) => {
        const lock = await mailStore.lock(account, mailbox)
        held = true
        return (
          lock &&
          altered(lock, {
            release: async () => {
              for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
              await lock.release()
              held = false
            },
          })
        )
      },
    })
    const { loggedIn } = await pop3({ mailStore, store })
    const client = await loggedIn()
    expect(held).toBe(true)
    expect(await client.ask('QUIT')).toMatch(/^\+OK/)
    expect(held).toBe(false)
  })

  it('may follow each other at once, however the first ends', async () => {
    const { connect, loggedIn, next } = await pop3()
    for (const leave of ['destroy', 'resetAndDestroy', 'end'] as const) {
      const client = await loggedIn()
      const closed = next('session:closed')
      client.socket[leave]()
      expect((await closed).reason).toBe('lost')
    }
    expect(await (await connect()).login()).toMatch(/^\+OK/)
  })
})

describe('a connection that dies before QUIT', () => {
  for (const [how, last] of [
    ['after DELE', ''],
    ['in the middle of QUIT', 'QUI'],
    ['before the line break of QUIT', 'QUIT'],
    ['after QUIT without LF', 'QUIT\r'],
  ] as const) {
    it(`deletes nothing: ${how}`, async () => {
      const { loggedIn, store, next } = await pop3({ messages: [message, message] })
      const client = await loggedIn()
      await client.ask('DELE 1')
      const closed = next('session:closed')
      client.raw(last)
      client.socket.end()
      expect((await closed).reason).toBe('lost')
      expect(await (await store.mailbox('alice')).list()).toHaveLength(2)
    })
  }

  it('deletes nothing: QUIT waits behind a message that the client did not stay for', async () => {
    const mailStore = createMailStore()
    let goOn = () => {}
    let opened = () => {}
    const opening = new Promise<void>(resolve => {
      opened = resolve
    })
    const store = withMailbox(mailStore, mailbox => ({
      open: async uid => {
        opened()
        await new Promise<void>(resolve => {
          goOn = resolve
        })
        return mailbox.open(uid)
      },
    }))
    const { loggedIn, next } = await pop3({ mailStore, store, messages: [message, message] })
    const client = await loggedIn()
    const closed = next('session:closed')
    client.send('DELE 1', 'RETR 2', 'QUIT')
    await opening
    client.socket.resetAndDestroy()
    while ((await mailStore.lock('alice', 'INBOX')) === undefined) await new Promise(setImmediate)
    goOn()
    expect((await closed).reason).toBe('lost')
    expect(await (await mailStore.mailbox('alice')).list()).toHaveLength(2)
  })

  it('deletes nothing: the server is closed', async () => {
    const { loggedIn, store, server } = await pop3({ messages: [message] })
    const client = await loggedIn()
    await client.ask('DELE 1')
    await server.close()
    await client.end()
    expect(await (await store.mailbox('alice')).list()).toHaveLength(1)
  })
})

describe('message numbers', () => {
  it('out of range are refused, and nothing happens', async () => {
    const { loggedIn, store } = await pop3({ messages: [message], maxErrors: 1_000 })
    const client = await loggedIn()
    const numbers = [
      '0',
      '2',
      '-1',
      '1.5',
      '1e0',
      '0x1',
      '٣',
      '99999999999999999999',
      ' 1',
      '1 ',
      '1 2',
      'NaN',
      '+1',
    ]
    for (const verb of ['RETR', 'DELE', 'LIST', 'UIDL', 'TOP']) {
      for (const number of numbers) {
        const line = verb === 'TOP' ? `TOP ${number} 1` : `${verb} ${number}`
        expect([line, (await client.ask(line)).slice(0, 4)]).toEqual([line, '-ERR'])
      }
    }
    expect(await client.ask('STAT')).toBe(`+OK 1 ${message.length}`)
    await client.ask('QUIT')
    expect(await (await store.mailbox('alice')).list()).toHaveLength(1)
  })
})
