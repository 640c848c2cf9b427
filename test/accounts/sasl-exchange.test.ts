import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSaslExchange, type SaslStep, saslMechanisms } from '../../src/accounts/sasl/sasl-exchange.js'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const failed = { kind: 'failed', reason: 'malformed' }
const credentials = { kind: 'credentials', username: 'alice', password: 'secret' }

function exchange(mechanism: string) {
  const begun = createSaslExchange(mechanism)
  if (!begun) throw new Error(`no ${mechanism}`)
  return begun
}
const plain = (message: string): SaslStep => exchange('PLAIN').start(base64(message) || '=')

describe('mechanisms', () => {
  it('are named in any case, and no other is known', () => {
    for (const name of [...saslMechanisms, 'plain', 'Login']) expect(createSaslExchange(name)).toBeDefined()
    for (const name of ['', 'CRAM-MD5', 'PLAIN ', '__proto__', 'constructor'])
      expect(createSaslExchange(name)).toBeUndefined()
  })
})

describe('PLAIN (RFC 4616)', () => {
  it('takes an initial response, or asks for one with an empty challenge', () => {
    expect(plain('\0alice\0secret')).toEqual(credentials)
    const asked = exchange('PLAIN')
    expect(asked.start()).toEqual({ kind: 'challenge', challenge: '' })
    expect(asked.step(base64('\0alice\0secret'))).toEqual(credentials)
  })

  it('reads whom the client wants to act as', () => {
    expect(plain('bob\0alice\0secret')).toEqual({ ...credentials, actAs: 'bob' })
  })

  it('reads UTF-8, colons, spaces and a BOM as they are', () => {
    expect(plain('\0älice@münchen.test\0\ufeff pass: wörd ')).toEqual({
      kind: 'credentials',
      username: 'älice@münchen.test',
      password: '\ufeff pass: wörd ',
    })
  })

  it.each([
    ['nothing', ''],
    ['no NUL', 'alice'],
    ['one NUL', 'alice\0secret'],
    ['three NULs', '\0alice\0sec\0ret'],
    ['a NUL at the end', '\0alice\0secret\0'],
    ['no name', '\0\0secret'],
    ['no password', '\0alice\0'],
    ['a line break in the name', '\0ali\r\nce\0secret'],
    ['a line break in the password', '\0alice\0sec\nret'],
    ['an escape in the authorization identity', '\x1bbob\0alice\0secret'],
    ['a C1 control', '\0alice\u0085\0secret'],
    ['a name of 1,025 octets', `\0${'a'.repeat(1_025)}\0secret`],
    ['a password of 1,025 octets', `\0alice\0${'ä'.repeat(513)}`],
    ['a million octets', `\0alice\0${'a'.repeat(1_000_000)}`],
  ])('refuses %s', (_, message) => {
    expect(plain(message)).toEqual(failed)
  })
})

describe('LOGIN', () => {
  it('asks for the name, then for the password', () => {
    const asked = exchange('LOGIN')
    expect(asked.start()).toEqual({ kind: 'challenge', challenge: base64('Username:') })
    expect(asked.step(base64('alice'))).toEqual({ kind: 'challenge', challenge: base64('Password:') })
    expect(asked.step(base64('secret'))).toEqual(credentials)
  })

  it('takes the name as initial response', () => {
    const asked = exchange('LOGIN')
    expect(asked.start(base64('alice'))).toEqual({ kind: 'challenge', challenge: base64('Password:') })
    expect(asked.step(base64('secret'))).toEqual(credentials)
  })

  it.each([
    ['', 'secret'],
    ['alice', ''],
    ['bob\0alice', 'secret'],
    ['alice', 'sec\0ret'],
  ])('refuses %j with %j', (name, password) => {
    const asked = exchange('LOGIN')
    asked.start(base64(name) || '=')
    expect(asked.step(base64(password))).toEqual(failed)
  })
})

describe('responses', () => {
  it.each(saslMechanisms)('of * abort %s (RFC 4954 §4)', mechanism => {
    const asked = exchange(mechanism)
    asked.start()
    expect(asked.step('*')).toEqual({ kind: 'failed', reason: 'aborted' })
  })

  it.each([
    '!!!!',
    'AGFsaWNlAHNlY3JldA',
    'AGFsaWNlAHNlY3JldA=',
    'AGFsaWNlAHNlY3JldB==',
    'AGFs aWNlAHNlY3JldA==',
    'AGFsaWNlAHNlY3JldA==\r\n',
    'AGFsaWNl-HNlY3JldA==',
    '====',
    'AP9hbGljZQBzZWNyZXT/',
    base64('\0alice\0secret').repeat(1_000),
  ])('that are no canonical base64 of UTF-8 are refused: %.40s', response => {
    expect(exchange('PLAIN').start(response)).toEqual(failed)
  })

  it('never throw, and what they yield is what was sent (property)', () => {
    const field = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(field, field, (username, password) => {
        const step = plain(`\0${username}\0${password}`)
        if (step.kind === 'credentials') expect([step.username, step.password]).toEqual([username, password])
        else expect(`${username}${password}`).toMatch(/[\u0000-\u001f\u007f-\u009f]|[\ud800-\udfff]/)
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), response => {
        for (const mechanism of saslMechanisms) exchange(mechanism).start(response)
      }),
    )
  })
})
