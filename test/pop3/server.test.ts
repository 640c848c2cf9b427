import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { createPop3Server } from '../../src/pop3/create-pop3-server.js'
import { createMailStore } from '../../src/store/create-mail-store.js'
import type { Mailbox } from '../../src/store/mail-store.js'
import { type Dialogue, dial, pop3 } from './dialogue.js'
import { withMailbox } from './hostile/altered-store.js'

describe('createPop3Server', () => {
  it('names each option that is wrong', () => {
    const options = {
      accounts: {},
      store: createMailStore(),
      idleTimeout: 'soon',
      maxErrors: 0,
      colour: 'red',
    }
    expect(() => createPop3Server(options as never)).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.stringMatching(/accounts.*authenticate.*idleTimeout.*maxErrors.*colour/),
      }),
    )
  })

  it('listens in several places', async () => {
    const { server, listener } = await pop3()
    const other = await server.listen({ port: 0, host: '127.0.0.1' })
    expect(other.port).not.toBe(listener.port)
    expect(await (await dial(listener)).ask('QUIT')).toMatch(/^\+OK/)
    expect(await (await dial(other)).ask('QUIT')).toMatch(/^\+OK/)
  })

  it('says when the port is taken', async () => {
    const { server, listener } = await pop3()
    const taken = server.listen({ port: listener.port, host: '127.0.0.1' })
    await expect(taken).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  })
})

describe('close', () => {
  it('ends idle sessions at once and takes no more', async () => {
    const { server, loggedIn, listener } = await pop3()
    const client = await loggedIn()
    await server.close()
    await client.end()
    expect(server.sessions).toBe(0)
    await expect(dial(listener)).rejects.toThrow()
    await expect(server.listen({ port: 0 })).rejects.toMatchObject({ code: 'CLOSED' })
    await server.close()
    await server[Symbol.asyncDispose]()
  })

  it('lets a command under way end', async () => {
    const mailStore = createMailStore()
    await mailStore.append('alice', 'Subject: one\r\n\r\nHello\r\n')
    let goOn = () => {}
    let asked = () => {}
    const opening = new Promise<void>(resolve => {
      asked = resolve
    })
    const store = withMailbox(
      mailStore,
      (mailbox): Partial<Mailbox> => ({
        open: async message => {
          asked()
          await new Promise<void>(resolve => {
            goOn = resolve
          })
          return mailbox.open(message)
        },
      }),
    )
    const { server, loggedIn } = await pop3({ mailStore, store })
    const client = await loggedIn()
    client.send('RETR 1')
    await opening
    const closed = server.close()
    goOn()
    expect(await client.end()).toContain('Hello\r\n.\r\n')
    await closed
  })

  it('cuts what takes longer than the grace', async () => {
    const clock = createVirtualClock()
    const mailStore = createMailStore()
    await mailStore.append('alice', 'Subject: one\r\n\r\nHello\r\n')
    const store = withMailbox(mailStore, () => ({ open: () => new Promise<never>(() => {}) }))
    const { server, loggedIn } = await pop3({ mailStore, store, clock })
    const client = await loggedIn()
    client.send('RETR 1')
    await clock.settled()
    const closed = server.close({ grace: '3s' })
    await clock.advance('3s')
    await closed
    expect(await client.end()).not.toContain('Hello')
  })
})

describe('a large mailbox', () => {
  it('of 100,000 messages is listed as the client takes it', async () => {
    const mailStore = createMailStore()
    const message = 'Subject: many\r\n\r\n'
    const { blob } = await mailStore.storage.accept({
      id: 'first',
      message: {
        size: message.length,
        bytes: Buffer.from(message),
        open: () => [Buffer.from(message)] as never,
      },
      receivedAt: 0,
      copies: Array.from({ length: 100_000 }, () => ({
        account: 'alice',
        mailbox: 'INBOX',
        internalDate: 0,
      })),
    })
    expect(blob).toBeDefined()
    const { loggedIn, connect } = await pop3({ mailStore })
    const client = await loggedIn()
    const other = await connect()
    const listed = client.askMany('UIDL')
    expect(await other.ask('LANG en')).toMatch(/^\+OK/)
    const lines = await listed
    expect(lines).toHaveLength(100_000)
    expect(lines[99_999]).toMatch(/^100000 \d+\.100000$/)
    expect(await client.ask('STAT')).toBe(`+OK 100000 ${100_000 * message.length}`)
    client.raw(Array.from({ length: 100_000 }, (_, index) => `DELE ${index + 1}\r\n`).join(''))
    await octetsOf(client, `+OK Marked as deleted\r\n`, 100_000 * '+OK Marked as deleted\r\n'.length)
    expect(await client.ask('QUIT')).toBe('+OK 100000 messages removed, bye')
    await once(client.socket, 'close')
    expect((await (await mailStore.mailbox('alice')).status()).messages).toBe(0)
  })
})

describe('a large message', () => {
  it('is read no faster than the client takes it', async () => {
    const mailStore = createMailStore()
    const chunk = Buffer.from('0123456789abcdef\r\n'.repeat(3_641))
    const count = 500
    let read = 0
    const source = {
      size: chunk.length * count,
      async *open() {
        for (; read < count; read++) yield chunk
      },
    }
    await mailStore.append('alice', 'Subject: placeholder\r\n')
    const store = withMailbox(mailStore, () => ({ open: async () => source }))
    const { loggedIn, connect } = await pop3({ mailStore, store })
    const client = await loggedIn()
    client.socket.pause()
    client.send('RETR 1')
    const other = await connect()
    for (let round = 0; round < 200; round++) await other.ask('LANG en')
    const early = read
    expect(early).toBeGreaterThan(0)
    expect(early).toBeLessThan(count / 2)
    expect(await octetsOf(client, '.\r\n')).toBe('+OK Message follows\r\n.\r\n'.length + source.size)
  })
})

/** Takes what comes until it ends with `end` and has at least so many octets; keeps none of it. */
async function octetsOf(client: Dialogue, end: string, least = 0): Promise<number> {
  let octets = 0
  client.socket.removeAllListeners('data')
  await new Promise<void>(resolve => {
    client.socket.on('data', chunk => {
      octets += chunk.length
      if (octets >= least && chunk.toString('latin1').endsWith(end)) resolve()
    })
    client.socket.resume()
  })
  client.socket.removeAllListeners('data')
  client.listen()
  return octets
}
