import { describe, expect, it } from 'vitest'
import { dial, pop3 } from './dialogue.js'

const first = 'Subject: one\r\n\r\nHello\r\n'
const second = 'Subject: two\r\n\r\nline 1\r\n.line 2\r\n..\r\nline 4\r\n'

describe('a session (RFC 1939)', () => {
  it('reads, deletes and quits', async () => {
    const { loggedIn, connect, store } = await pop3({ messages: [first, second] })
    const client = await loggedIn()
    const octets = first.length + second.length
    expect(await client.ask('STAT')).toBe(`+OK 2 ${octets}`)
    expect(await client.askMany('LIST')).toEqual([`1 ${first.length}`, `2 ${second.length}`])
    expect(await client.ask('LIST 2')).toBe(`+OK 2 ${second.length}`)
    expect(await client.askMany('RETR 2')).toEqual(second.split('\r\n').slice(0, -1))
    expect(await client.ask('DELE 1')).toMatch(/^\+OK/)
    expect(await client.ask('RETR 1')).toMatch(/^-ERR/)
    expect(await client.ask('DELE 1')).toMatch(/^-ERR/)
    expect(await client.askMany('LIST')).toEqual([`2 ${second.length}`])
    expect(await client.ask('STAT')).toBe(`+OK 1 ${second.length}`)
    expect(await client.ask('QUIT')).toMatch(/^\+OK/)
    await client.end()

    const inbox = await store.mailbox('alice')
    expect((await inbox.list()).map(message => message.uid)).toEqual([2])
    const again = await connect()
    expect(await again.login()).toMatch(/^\+OK 1 messages/)
  })

  it('takes back deletions with RSET', async () => {
    const { loggedIn, store } = await pop3({ messages: [first, second] })
    const client = await loggedIn()
    await client.ask('DELE 1')
    await client.ask('DELE 2')
    expect(await client.ask('STAT')).toBe('+OK 0 0')
    expect(await client.ask('RSET')).toMatch(/^\+OK 2 messages/)
    await client.ask('QUIT')
    await client.end()
    expect(await (await store.mailbox('alice')).list()).toHaveLength(2)
  })

  it('knows the empty mailbox', async () => {
    const { loggedIn } = await pop3()
    const client = await loggedIn()
    expect(await client.ask('STAT')).toBe('+OK 0 0')
    expect(await client.askMany('LIST')).toEqual([])
    expect(await client.askMany('UIDL')).toEqual([])
    expect(await client.ask('RETR 1')).toMatch(/^-ERR/)
    expect(await client.ask('NOOP')).toMatch(/^\+OK/)
  })

  it('gives unique ids that stay', async () => {
    const { loggedIn, store } = await pop3({ messages: [first, second] })
    const { uidValidity } = await (await store.mailbox('alice')).status()
    const client = await loggedIn()
    expect(await client.askMany('UIDL')).toEqual([`1 ${uidValidity}.1`, `2 ${uidValidity}.2`])
    await client.ask('DELE 1')
    await client.ask('QUIT')
    await client.end()
    const later = await loggedIn()
    expect(await later.askMany('UIDL')).toEqual([`1 ${uidValidity}.2`])
    expect(await later.ask('UIDL 1')).toBe(`+OK 1 ${uidValidity}.2`)
  })

  it('sends the top of a message', async () => {
    const { loggedIn } = await pop3({ messages: [second] })
    const client = await loggedIn()
    expect(await client.askMany('TOP 1 0')).toEqual(['Subject: two', ''])
    expect(await client.askMany('TOP 1 2')).toEqual(['Subject: two', '', 'line 1', '.line 2'])
    expect(await client.askMany('TOP 1 99')).toEqual(second.split('\r\n').slice(0, -1))
    expect(await client.ask('TOP 1')).toMatch(/^-ERR/)
    expect(await client.ask('TOP 1 -1')).toMatch(/^-ERR/)
  })

  it('tells what was retrieved', async () => {
    const { server, loggedIn } = await pop3({ messages: [first, second] })
    const seen: unknown[] = []
    server.on('message:retrieved', ({ uid, part, account }) => seen.push([account, uid, part]))
    const client = await loggedIn()
    await client.askMany('RETR 2')
    await client.askMany('TOP 1 0')
    expect(seen).toEqual([
      ['alice', 2, 'whole'],
      ['alice', 1, 'top'],
    ])
  })

  it('keeps the snapshot of the login', async () => {
    const { loggedIn, store } = await pop3({ messages: [first, second] })
    const client = await loggedIn()
    await store.append('alice', first)
    await (await store.mailbox('alice')).delete(2)
    expect(await client.ask('STAT')).toMatch(/^\+OK 2 /)
    expect(await client.ask('RETR 2')).toBe('-ERR No such message')
    expect(await client.askMany('RETR 1')).toEqual(['Subject: one', '', 'Hello'])
    expect(await client.ask('DELE 2')).toMatch(/^\+OK/)
    expect(await client.ask('QUIT')).toMatch(/^\+OK/)
    await client.end()
    expect((await (await store.mailbox('alice')).list()).map(message => message.uid)).toEqual([1, 3])
  })

  it('tells at QUIT when messages could not be removed', async () => {
    const { loggedIn, store, connect } = await pop3({ messages: [first] })
    const client = await loggedIn()
    await client.ask('DELE 1')
    const { mail } = store.storage
    const expunge = mail.expunge
    mail.expunge = () => Promise.reject(new Error('disk gone'))
    expect(await client.ask('QUIT')).toMatch(/^-ERR \[SYS\/TEMP\] .*not removed/)
    mail.expunge = expunge
    await client.end()
    const again = await connect()
    expect(await again.login()).toMatch(/^\+OK 1 /)
  })

  it('holds each command to its state', async () => {
    const { connect, loggedIn } = await pop3({ messages: [first] })
    const client = await connect()
    for (const verb of ['STAT', 'LIST', 'RETR 1', 'DELE 1', 'NOOP', 'RSET', 'TOP 1 1', 'UIDL']) {
      expect(await client.ask(verb)).toMatch(/^-ERR/)
    }
    expect(await client.ask('PASS secret')).toMatch(/^-ERR/)
    expect(await client.ask('QUIT')).toMatch(/^\+OK/)
    const reader = await loggedIn()
    for (const verb of ['USER bob', 'PASS secret', 'AUTH PLAIN', 'STLS', 'UTF8']) {
      expect(await reader.ask(verb)).toMatch(/^-ERR/)
    }
  })

  it('takes verbs in any case and lines that end in LF', async () => {
    const { connect } = await pop3()
    const client = await connect()
    client.raw('user alice\npass secret\nstat\n')
    expect(await client.line()).toMatch(/^\+OK/)
    expect(await client.line()).toMatch(/^\+OK/)
    expect(await client.line()).toBe('+OK 0 0')
  })

  it('takes a password with spaces and UTF-8', async () => {
    const seen: unknown[] = []
    const accounts = {
      authenticate: async (credentials: { username: string; password: string }) => {
        seen.push([credentials.username, credentials.password])
        return { id: 'alice' }
      },
    }
    const { connect } = await pop3({ accounts })
    const client = await connect()
    expect(await client.login('jürgen', ' pass  wörd ')).toMatch(/^\+OK/)
    expect(seen).toEqual([['jürgen', ' pass  wörd ']])
  })

  it('answers pipelined commands in order, in one write', async () => {
    const { listener } = await pop3({ messages: [first] })
    const client = await dial(listener)
    let reads = 0
    client.socket.on('data', () => reads++)
    client.send('USER alice', 'PASS secret', 'STAT', 'LIST', 'RETR 1', 'NOOP', 'QUIT')
    const answer = await client.end()
    expect(answer.match(/^(\+OK|-ERR)/gm)).toEqual(Array(7).fill('+OK'))
    expect(answer).toContain('+OK Message follows\r\nSubject: one\r\n\r\nHello\r\n.\r\n+OK Here\r\n')
    expect(reads).toBeLessThanOrEqual(3)
  })
})

describe('extensions', () => {
  it('announces what it can (RFC 2449)', async () => {
    const { connect } = await pop3()
    const client = await connect()
    const before = await client.askMany('CAPA')
    expect(before).toEqual([
      'TOP',
      'UIDL',
      'USER',
      'SASL PLAIN LOGIN',
      'RESP-CODES',
      'AUTH-RESP-CODE',
      'PIPELINING',
      'EXPIRE NEVER',
      'UTF8 USER',
      'LANG',
      'IMPLEMENTATION posthorn',
    ])
    await client.login()
    expect(await client.askMany('CAPA')).toEqual(before)
  })

  it('has UTF8 and LANG (RFC 6856)', async () => {
    const { connect } = await pop3()
    const client = await connect()
    expect(await client.ask('UTF8')).toMatch(/^\+OK/)
    expect(await client.askMany('LANG')).toEqual(['i-default International default', 'en English'])
    expect(await client.ask('LANG *')).toMatch(/^\+OK en /)
    expect(await client.ask('LANG EN-gb')).toMatch(/^\+OK en /)
    expect(await client.ask('LANG i-default')).toMatch(/^\+OK i-default /)
    expect(await client.ask('LANG fr')).toMatch(/^-ERR/)
    await client.login()
    expect(await client.ask('LANG en')).toMatch(/^\+OK en /)
  })

  it('sends a UTF-8 message as it is', async () => {
    const message = Buffer.from('Subject: Grüße\r\n\r\n\xff\x00\r\n', 'latin1').toString('latin1')
    const { loggedIn, store } = await pop3()
    await store.append('alice', Buffer.from(message, 'latin1'))
    const client = await loggedIn()
    client.send('RETR 1')
    await client.line()
    expect(await client.until('\r\n.\r\n')).toBe(`${message}.\r\n`)
  })
})

describe('TOP without a body', () => {
  it('ends with the message', async () => {
    const { loggedIn } = await pop3({ messages: ['Subject: no body\r\n'] })
    const client = await loggedIn()
    expect(await client.askMany('TOP 1 5')).toEqual(['Subject: no body'])
  })
})
