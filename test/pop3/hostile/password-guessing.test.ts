import { describe, expect, it } from 'vitest'
import { createLoginThrottle } from '../../../src/core/login-throttle.js'
import { createVirtualClock } from '../../../src/core/virtual-clock.js'
import { type Dialogue, pop3 } from '../dialogue.js'

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** Accounts that count how often they are asked, and let everybody in with `secret`. */
function countingAccounts() {
  const asked: string[] = []
  const authenticate = async ({ username, password }: { username: string; password: string }) => {
    asked.push(`${username}:${password}`)
    return password === 'secret' ? { id: username } : undefined
  }
  return { asked, authenticate }
}

describe('guessing passwords', () => {
  it('within one connection ends it', async () => {
    const accounts = countingAccounts()
    const { connect, next } = await pop3({ accounts })
    const closed = next('session:closed')
    const client = await connect()
    client.raw('USER alice\r\nPASS guess\r\n'.repeat(1_000))
    const answer = await client.end()
    expect(answer.match(/\[AUTH\]/g)).toHaveLength(5)
    expect(accounts.asked).toHaveLength(5)
    expect((await closed).reason).toBe('login-failures')
  })

  it('with AUTH counts alike', async () => {
    const accounts = countingAccounts()
    const { connect } = await pop3({ accounts })
    const client = await connect()
    client.raw(`AUTH PLAIN ${base64('\0alice\0guess')}\r\n`.repeat(1_000))
    await client.end()
    expect(accounts.asked).toHaveLength(5)
  })

  it('across connections at the same time gains nothing', async () => {
    const accounts = countingAccounts()
    const clock = createVirtualClock()
    const loginThrottle = createLoginThrottle({ clock, delay: 0, failuresPerAddress: 8 })
    const { connect } = await pop3({ accounts, clock, loginThrottle })
    const clients: Dialogue[] = []
    for (let count = 0; count < 40; count++) clients.push(await connect())
    const replies = await Promise.all(clients.map(client => client.login('alice', 'guess')))
    expect(accounts.asked).toHaveLength(8)
    expect(replies.filter(reply => reply.startsWith('-ERR [SYS/TEMP]'))).toHaveLength(32)
  })

  it('is not forgiven by logins that succeed in between', async () => {
    const accounts = countingAccounts()
    const clock = createVirtualClock()
    const loginThrottle = createLoginThrottle({ clock, delay: 0, failuresPerAddress: 3 })
    const { connect } = await pop3({ accounts, clock, loginThrottle })
    for (let round = 0; round < 3; round++) {
      expect(await (await connect()).login('alice', 'guess')).toMatch(/^-ERR \[AUTH\]/)
      const own = await connect()
      if (round < 2) expect(await own.login('mallory', 'secret')).toMatch(/^\+OK/)
      await own.ask('QUIT')
    }
    expect(await (await connect()).login('alice', 'guess')).toMatch(/^-ERR \[SYS\/TEMP\]/)
  })

  it('by what is no credentials never reaches the accounts', async () => {
    const accounts = countingAccounts()
    const { connect } = await pop3({ accounts, maxErrors: 100 })
    const client = await connect()
    for (const response of [
      '*',
      base64('\0\0'),
      base64('\0alice\0'),
      base64('\0alice\0sec\0ret'),
      base64('\0ali\r\nce\0secret'),
      base64(`\0alice\0${'p'.repeat(5_000)}`),
      'A'.repeat(12_288),
      'A'.repeat(50_000),
      '====',
      'AGFsaWNlAHNlY3JldA',
      '\u0000',
    ]) {
      expect(await client.ask('AUTH PLAIN')).toBe('+ ')
      expect(await client.ask(response)).toMatch(/^-ERR/)
    }
    for (const line of ['USER ali\u0000ce', 'PASS sec\u0007ret', 'USER', 'PASS']) {
      expect(await client.ask(line)).toMatch(/^-ERR/)
    }
    client.raw(Buffer.from('USER \xff\xfe\r\n', 'latin1'))
    expect(await client.line()).toBe('-ERR Malformed command')
    expect(accounts.asked).toEqual([])
  })
})
