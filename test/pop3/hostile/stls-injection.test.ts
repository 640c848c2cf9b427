import { describe, expect, it } from 'vitest'
import { testTls } from '../../fixtures/tls.js'
import { pop3 } from '../dialogue.js'

const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('what is sent in the clear behind STLS', () => {
  const injections = [
    'USER alice\r\n',
    'USER alice\r\nPASS secret\r\nSTAT\r\n',
    'USER ali',
    'U',
    `AUTH PLAIN ${base64('\0alice\0secret')}\r\n`,
    'AUTH LOGIN\r\n',
    '\r\n',
    `${'CAPA\r\n'.repeat(1_000)}`,
    'x'.repeat(20_000),
  ]
  for (const injected of injections) {
    it(`${JSON.stringify(injected.slice(0, 30))} is thrown away`, async () => {
      const { connect } = await pop3({ tls: testTls, messages: ['Subject: one\r\n\r\nHello\r\n'] })
      const client = await connect()
      client.raw(`STLS\r\n${injected}`)
      expect(await client.line()).toMatch(/^\+OK/)
      await client.startTls()
      // A line begun in the clear would run on into this one, a USER in the clear would make it a password.
      expect(await client.ask('PASS secret')).toBe('-ERR USER comes first')
      expect(await client.ask('STAT')).toBe('-ERR Not in this state')
      expect(await client.login()).toMatch(/^\+OK 1 messages/)
      expect(await client.ask('NOOP')).toMatch(/^\+OK/)
    })
  }

  it('is no part of the session when it comes after the reply', async () => {
    const { connect, next } = await pop3({ tls: testTls })
    const closed = next('session:closed')
    const client = await connect()
    expect(await client.ask('STLS')).toMatch(/^\+OK/)
    client.send('USER alice', 'PASS secret', 'STAT')
    expect(await client.end()).not.toMatch(/\+OK|-ERR/)
    expect((await closed).reason).toBe('tls')
  })
})

describe('what was said before STLS', () => {
  it('is forgotten: the name of USER', async () => {
    const { connect } = await pop3({ tls: testTls })
    const client = await connect()
    expect(await client.ask('USER alice')).toMatch(/^\+OK/)
    await client.ask('STLS')
    await client.startTls()
    expect(await client.ask('PASS secret')).toBe('-ERR USER comes first')
  })

  it('is forgotten: an AUTH that was not finished', async () => {
    const { connect } = await pop3({ tls: testTls })
    const client = await connect()
    expect(await client.ask('AUTH LOGIN')).toMatch(/^\+ /)
    expect(await client.ask('STLS')).toMatch(/^-ERR/)
    expect(await client.ask('STLS')).toMatch(/^\+OK/)
    await client.startTls()
    expect(await client.ask(base64('secret'))).toBe('-ERR Unknown command')
    expect(await client.login()).toMatch(/^\+OK/)
  })
})
