import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { createLoginThrottle } from '../../src/core/login-throttle.js'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { pop3 } from './dialogue.js'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const plain = base64('\0alice\0secret')

describe('AUTH (RFC 5034)', () => {
  it('takes PLAIN with an initial response', async () => {
    const { connect } = await pop3()
    const client = await connect()
    expect(await client.ask(`AUTH PLAIN ${plain}`)).toMatch(/^\+OK 0 messages/)
    expect(await client.ask('STAT')).toBe('+OK 0 0')
  })

  it('takes PLAIN after an empty challenge', async () => {
    const { connect } = await pop3()
    const client = await connect()
    expect(await client.ask('auth plain')).toBe('+ ')
    expect(await client.ask(plain)).toMatch(/^\+OK/)
  })

  it('takes LOGIN, with and without an initial response', async () => {
    const { connect } = await pop3()
    const client = await connect()
    expect(await client.ask('AUTH LOGIN')).toBe(`+ ${base64('Username:')}`)
    expect(await client.ask(base64('alice'))).toBe(`+ ${base64('Password:')}`)
    expect(await client.ask(base64('secret'))).toMatch(/^\+OK/)
    const other = await connect()
    expect(await other.ask(`AUTH LOGIN ${base64('bob')}`)).toBe(`+ ${base64('Password:')}`)
    expect(await other.ask(base64('secret'))).toMatch(/^\+OK/)
  })

  it('reads = as an empty initial response', async () => {
    const { connect } = await pop3()
    const client = await connect()
    expect(await client.ask('AUTH PLAIN =')).toMatch(/^-ERR/)
    expect(await client.ask('AUTH LOGIN =')).toMatch(/^\+ |^-ERR/)
  })

  it('ends the exchange at *', async () => {
    const { connect } = await pop3()
    const client = await connect()
    await client.ask('AUTH LOGIN')
    expect(await client.ask('*')).toBe('-ERR Aborted')
    expect(await client.ask('STAT')).toMatch(/^-ERR/)
    expect(await client.login()).toMatch(/^\+OK/)
  })

  it('refuses what is no response of the mechanism', async () => {
    const { connect } = await pop3()
    const client = await connect()
    for (const response of ['not base64!', base64('alice secret'), base64('\0alice\0sec\0ret'), '=']) {
      await client.ask('AUTH PLAIN')
      expect(await client.ask(response)).toMatch(/^-ERR/)
    }
    expect(await client.ask('AUTH CRAM-MD5')).toMatch(/^-ERR/)
    expect(await client.ask(`AUTH PLAIN ${plain} more`)).toMatch(/^-ERR/)
    expect(await client.askMany('AUTH')).toEqual(['PLAIN', 'LOGIN'])
  })

  it('takes a password longer than a command may be', async () => {
    const password = 'p'.repeat(900)
    const accounts = {
      authenticate: async (given: { password: string }) =>
        given.password === password ? { id: 'alice' } : undefined,
    }
    const { connect } = await pop3({ accounts })
    const client = await connect()
    expect(await client.ask(`PASS ${password}`)).toBe('-ERR Line too long')
    await client.ask('AUTH PLAIN')
    expect(await client.ask(base64(`\0alice\0${password}`))).toMatch(/^\+OK/)
  })
})

describe('a refused login', () => {
  it('says [AUTH] for a wrong password and an unknown user alike', async () => {
    const { connect, next } = await pop3()
    const failed = next('auth:failed')
    const client = await connect()
    const wrong = await client.login('alice', 'wrong')
    expect(wrong).toMatch(/^-ERR \[AUTH\]/)
    expect(await client.login('nobody', 'secret')).toBe(wrong)
    expect(await failed).toMatchObject({
      username: 'alice',
      reason: 'credentials',
      remoteAddress: '127.0.0.1',
    })
    expect(await client.login()).toMatch(/^\+OK/)
  })

  it('says [SYS/TEMP] when the accounts fail, and lives', async () => {
    let broken = true
    const accounts = {
      authenticate: () => {
        if (broken) throw new Error('database is down: secret-host')
        return Promise.resolve({ id: 'alice' })
      },
    }
    const { connect, next } = await pop3({ accounts })
    const failure = next('handler:failed')
    const client = await connect()
    const reply = await client.login()
    expect(reply).toMatch(/^-ERR \[SYS\/TEMP\]/)
    expect(reply).not.toContain('secret-host')
    const { error, handler } = await failure
    expect({ handler, code: (error as { code?: string }).code }).toEqual({
      handler: 'accounts',
      code: 'ACCOUNTS_FAILED',
    })
    broken = false
    expect(await client.login()).toMatch(/^\+OK/)
  })

  it('says [SYS/PERM] when the accounts answer what is no account', async () => {
    const accounts = { authenticate: async () => ({ name: 'alice' }) as never }
    const { connect } = await pop3({ accounts })
    expect(await (await connect()).login()).toMatch(/^-ERR \[SYS\/PERM\]/)
  })

  it('says [LOGIN-DELAY] to who comes back too soon', async () => {
    const clock = createVirtualClock()
    const { connect, loggedIn } = await pop3({ clock, loginDelay: '60s' })
    const client = await loggedIn()
    expect(await client.askMany('CAPA')).toContain('LOGIN-DELAY 60')
    await client.ask('QUIT')
    const again = await connect()
    expect(await again.login()).toMatch(/^-ERR \[LOGIN-DELAY\]/)
    await clock.advance('61s')
    expect(await again.login()).toMatch(/^\+OK/)
  })

  it('is held back longer each time, then ends the connection', async () => {
    const clock = createVirtualClock()
    const { connect } = await pop3({
      clock,
      maxLoginFailures: 3,
      loginThrottle: createLoginThrottle({ clock, delay: '1s' }),
    })
    const client = await connect()
    for (const seconds of [1, 2, 4]) {
      client.send('USER alice', 'PASS wrong')
      expect(await client.line()).toMatch(/^\+OK/)
      let answered = false
      const reply = client.line().finally(() => {
        answered = true
      })
      await clock.advance(seconds * 1000 - 1)
      expect(answered).toBe(false)
      await clock.advance(1)
      expect(await reply).toMatch(/^-ERR \[AUTH\]/)
    }
    await client.end()
  })

  it('blocks an address that failed too often, across connections', async () => {
    const clock = createVirtualClock()
    let asked = 0
    const accounts = {
      authenticate: async ({ password }: { password: string }) => {
        asked++
        return password === 'secret' ? { id: 'alice' } : undefined
      },
    }
    const loginThrottle = createLoginThrottle({ clock, delay: 0, failuresPerAddress: 4, window: '8m' })
    const { connect } = await pop3({ clock, accounts, loginThrottle })
    for (let attempt = 0; attempt < 4; attempt++) {
      const client = await connect()
      expect(await client.login('alice', 'wrong')).toMatch(/^-ERR \[AUTH\]/)
    }
    const client = await connect()
    expect(await client.login()).toMatch(/^-ERR \[SYS\/TEMP\]/)
    expect(asked).toBe(4)
    await clock.advance('2m')
    const later = await connect()
    expect(await later.login()).toMatch(/^\+OK/)
  })
})

describe('TLS', () => {
  it('is needed before a password unless allowed otherwise, and then not announced', async () => {
    const { connect } = await pop3({ allowInsecureAuth: false })
    const client = await connect()
    const capabilities = await client.askMany('CAPA')
    expect(capabilities.filter(line => /^(USER|SASL|STLS)/.test(line))).toEqual([])
    expect(await client.ask('USER alice')).toMatch(/^-ERR/)
    expect(await client.ask(`AUTH PLAIN ${plain}`)).toMatch(/^-ERR/)
    expect(await client.ask('AUTH')).toMatch(/^-ERR/)
    expect(await client.ask('STLS')).toMatch(/^-ERR/)
  })

  it('tells who logged in', async () => {
    const { connect, next } = await pop3({ messages: ['a\r\n'] })
    const opened = next('session:opened')
    const entered = next('session:authenticated')
    const closed = next('session:closed')
    const client = await connect()
    await client.login()
    const { traceId } = await opened
    expect(await entered).toEqual({
      traceId,
      remoteAddress: '127.0.0.1',
      account: 'alice',
      username: 'alice',
      secure: false,
      messages: 1,
    })
    client.send('QUIT')
    await once(client.socket, 'close')
    expect(await closed).toEqual({ traceId, remoteAddress: '127.0.0.1', account: 'alice', reason: 'quit' })
  })
})
