import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../../src/core/virtual-clock.js'
import { testTls } from '../../fixtures/tls.js'
import { dialSilently, pop3 } from '../dialogue.js'

const minute = 60_000

describe('a client that trickles', () => {
  it('has as long for a command as for silence', async () => {
    const clock = createVirtualClock()
    const { loggedIn, next } = await pop3({ clock })
    const closed = next('session:closed')
    const client = await loggedIn()
    for (const byte of 'NOOP') {
      client.raw(byte)
      await clock.advance(2 * minute)
    }
    expect(client.closed).toBe(false)
    client.raw(' ')
    await clock.advance(2 * minute)
    expect(await client.end()).toBe('')
    expect((await closed).reason).toBe('idle')
  })

  it('is not cut off before ten minutes, and each command begins them anew', async () => {
    const clock = createVirtualClock()
    const { loggedIn } = await pop3({ clock })
    const client = await loggedIn()
    for (let round = 0; round < 3; round++) {
      await clock.advance(10 * minute - 1)
      expect(await client.ask('NOOP')).toMatch(/^\+OK/)
    }
  })

  it('must log in within the deadline, whatever it says meanwhile', async () => {
    const clock = createVirtualClock()
    const { connect, next } = await pop3({ clock, maxErrors: 1_000 })
    const closed = next('session:closed')
    const client = await connect()
    for (let second = 0; second < 118; second += 2) {
      expect(await client.ask('CAPA')).toMatch(/^\+OK/)
      await client.rest()
      await clock.advance('2s')
    }
    await client.ask('AUTH LOGIN')
    await clock.advance('2s')
    await client.end()
    expect((await closed).reason).toBe('login-timeout')
  })

  it('must finish the TLS handshake within it', async () => {
    const clock = createVirtualClock()
    const { listener, next } = await pop3({ clock, tls: testTls, listen: { tls: 'implicit' } })
    const opened = next('session:opened')
    const closed = next('session:closed')
    const client = await dialSilently(listener)
    await opened
    client.raw(Buffer.from([0x16, 0x03, 0x01]))
    await clock.advance('2m')
    await client.end()
    expect((await closed).reason).toBe('login-timeout')
  })

  it('gets what it was sent, whatever others are sent meanwhile', async () => {
    const rounds = 500
    const { connect, loggedIn, store } = await pop3()
    const textOf = (letter: string) => `Subject: ${letter}\r\n\r\n${`${letter.repeat(60)}\r\n`.repeat(900)}`
    await store.append('alice', textOf('a'))
    await store.append('bob', textOf('b'))
    const slow = await loggedIn()
    slow.socket.pause()
    slow.raw('RETR 1\r\n'.repeat(rounds))
    const other = await connect()
    await other.login('bob')
    for (let round = 0; round < 100; round++) {
      const message = (await other.askMany('RETR 1')).join('')
      expect(message).not.toContain('a'.repeat(60))
    }
    slow.socket.resume()
    for (let round = 0; round < rounds; round++) {
      expect(await slow.line()).toBe('+OK Message follows')
      expect(new Set((await slow.rest()).slice(2))).toEqual(new Set(['a'.repeat(60)]))
    }
  })

  it('cannot hold a mailbox by taking nothing of a message', async () => {
    const clock = createVirtualClock()
    const { loggedIn, connect, store, next } = await pop3({ clock })
    await store.append('alice', `Subject: big\r\n\r\n${'0123456789\r\n'.repeat(1_000_000)}`)
    const client = await loggedIn()
    client.socket.pause()
    client.send('RETR 1')
    await clock.advance(5 * minute)
    const other = await connect()
    expect(await other.login()).toMatch(/^-ERR \[IN-USE\]/)
    await other.ask('QUIT')
    await other.end()
    const closed = next('session:closed')
    await clock.advance(5 * minute)
    expect((await closed).reason).toBe('idle')
    expect(await (await connect()).login()).toMatch(/^\+OK/)
  })
})
