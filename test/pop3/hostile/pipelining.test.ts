import { once } from 'node:events'
import type net from 'node:net'
import { describe, expect, it } from 'vitest'
import { type Network, nodeNetwork } from '../../../src/core/network.js'
import { createMailStore } from '../../../src/store/create-mail-store.js'
import type { Mailbox, MailStore } from '../../../src/store/mail-store.js'
import { type Dialogue, pop3 } from '../dialogue.js'
import { withMailbox } from './altered-store.js'

const flood = 100_000
const message = 'Subject: one\r\n\r\nHello\r\n'

/** Sends one line 100,000 times in one write, and counts the replies until the connection or the flood ends. */
async function repliesTo(client: Dialogue, line: string): Promise<number> {
  let seen = 0
  const all = new Promise<void>(resolve => {
    client.socket.on('data', (chunk: Buffer) => {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) seen++
      if (seen >= flood) resolve()
    })
  })
  client.raw(`${line}\r\n`.repeat(flood))
  await Promise.race([all, once(client.socket, 'close')])
  return seen
}

describe('100,000 pipelined commands in one write', () => {
  for (const line of ['NOOP', 'STAT', 'LIST 1', 'UIDL 1', 'RSET', 'RETR 9', 'DELE 9', 'LANG fr']) {
    it(`${line}: each is answered, and others are served meanwhile`, async () => {
      const { connect, loggedIn } = await pop3({ messages: [message] })
      const flooder = await loggedIn()
      const other = await connect()
      let done = false
      const counted = repliesTo(flooder, line).finally(() => {
        done = true
      })
      let served = 0
      while (!done) {
        expect(await other.ask('LANG en')).toMatch(/^\+OK/)
        served++
      }
      expect(await counted).toBe(flood)
      expect(served).toBeGreaterThan(100)
    })
  }

  for (const line of ['XYZZY', 'USER alice\r\nPASS wrong', '', 'STLS', 'RETR', 'TOP 1', 'x'.repeat(300)]) {
    it(`${JSON.stringify(line.slice(0, 25))}: too many end the connection`, async () => {
      const { connect, next } = await pop3()
      const closed = next('session:closed')
      expect(await repliesTo(await connect(), line)).toBeLessThanOrEqual(20)
      expect((await closed).reason).toMatch(/errors|login-failures/)
    })
  }

  it('of a handler that answers later are worked off one at a time', async () => {
    let most = 0
    let running = 0
    const accounts = {
      authenticate: async () => {
        most = Math.max(most, ++running)
        await new Promise(setImmediate)
        running--
        return undefined
      },
    }
    const { connect } = await pop3({ accounts, maxLoginFailures: 1_000 })
    const client = await connect()
    client.raw('USER alice\r\nPASS wrong\r\n'.repeat(200))
    for (let reply = 0; reply < 100; reply++) await client.line()
    expect(most).toBe(1)
  })

  it('that come while one is worked on wait for it', async () => {
    const mailStore = createMailStore()
    let goOn = () => {}
    let asked = () => {}
    const asking = new Promise<void>(resolve => {
      asked = resolve
    })
    const store = withMailbox(mailStore, mailbox => ({
      open: async one => {
        asked()
        await new Promise<void>(resolve => {
          goOn = resolve
        })
        return mailbox.open(one)
      },
    }))
    const { connect, loggedIn } = await pop3({ mailStore, store, messages: [message] })
    const client = await loggedIn()
    // Or the second command waits for an acknowledgement of the first.
    client.socket.setNoDelay(true)
    const other = await connect()
    client.send('RETR 1')
    await asking
    client.send('NOOP')
    for (let round = 0; round < 10; round++) await other.ask('LANG en')
    goOn()
    expect(await client.line()).toBe('+OK Message follows')
    await client.rest()
    expect(await client.line()).toBe('+OK Here')
  })

  for (const line of ['CAPA', 'LIST', 'UIDL']) {
    it(`${line}: replies that nobody takes are not gathered`, async () => {
      const sockets: net.Socket[] = []
      const network: Network = {
        ...nodeNetwork,
        listen: (where, accept) =>
          nodeNetwork.listen(where, (socket, peer) => {
            sockets.push(socket)
            accept(socket, peer)
          }),
      }
      const { connect, loggedIn } = await pop3({ messages: Array(50).fill(message), network })
      const greedy = await loggedIn()
      const other = await connect()
      greedy.socket.pause()
      greedy.raw(`${line}\r\n`.repeat(flood))
      let most = 0
      for (let round = 0; round < 300; round++) {
        expect(await other.ask('LANG en')).toMatch(/^\+OK/)
        most = Math.max(most, sockets[0]?.writableLength ?? 0)
      }
      expect(most).toBeGreaterThan(0)
      expect(most).toBeLessThan(256 * 1024)
    })
  }

  it('by a client that reads nothing stop being read', async () => {
    const store = createMailStore()
    await store.append('alice', `Subject: big\r\n\r\n${'0123456789\r\n'.repeat(100_000)}`)
    let opened = 0
    const counting: MailStore = withMailbox(
      store,
      (mailbox): Partial<Mailbox> => ({
        open: message => {
          opened++
          return mailbox.open(message)
        },
      }),
    )
    const { loggedIn, connect } = await pop3({ mailStore: store, store: counting })
    const greedy = await loggedIn()
    greedy.socket.pause()
    greedy.raw('RETR 1\r\n'.repeat(flood))
    const other = await connect()
    for (let round = 0; round < 500; round++) expect(await other.ask('LANG en')).toMatch(/^\+OK/)
    expect(opened).toBeGreaterThan(0)
    expect(opened).toBeLessThan(20)
  })
})
