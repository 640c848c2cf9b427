import { describe, expect, it } from 'vitest'
import type { Credentials } from '../../src/accounts/accounts.js'
import { createAccounts, type StaticAccounts } from '../../src/accounts/static/create-accounts.js'
import type { AccountsOptions } from '../../src/accounts/static/options.js'
import { hashPassword } from '../../src/accounts/static/password-hash.js'
import { parseAddress } from '../../src/core/address.js'

const cheap = { ln: 10, r: 8, p: 1 }
const place = { protocol: 'smtp', remoteAddress: '192.0.2.1', secure: true } as const
const alice = { name: 'alice', password: 'secret', addresses: ['alice@example.test', 'a@münchen.test'] }
const bob = { name: 'Bob@example.test', password: 'bobs' }

const login = (
  accounts: StaticAccounts,
  username: string,
  password: string,
  more: Partial<Credentials> = {},
) => accounts.authenticate({ username, password, ...place, ...more })
const find = (accounts: StaticAccounts, address: string) => accounts.find(parseAddress(address))

describe('logging in', () => {
  const accounts = createAccounts({ users: [alice, bob] })

  it.each([
    'alice',
    'ALICE',
    'alice@example.test',
    'Alice@EXAMPLE.test',
    'a@xn--mnchen-3ya.test',
    'a@MÜNCHEN.test',
  ])('works as %s', async username => {
    expect(await login(accounts, username, 'secret')).toMatchObject({ id: 'alice' })
  })

  it('takes passwords and names in any Unicode form', async () => {
    const accounts = createAccounts({ users: [{ name: 'Ren\u00e9', password: 'caf\u00e9' }] })
    expect(await login(accounts, 'rene\u0301', 'cafe\u0301')).toMatchObject({ id: 'Ren\u00e9' })
  })

  it('lets a client act as the user under any of its names, and as no other', async () => {
    expect(await login(accounts, 'alice', 'secret', { actAs: 'ALICE@example.test' })).toMatchObject({
      id: 'alice',
    })
    expect(await login(accounts, 'alice', 'secret', { actAs: 'bob@example.test' })).toBeUndefined()
    expect(await login(accounts, 'alice', 'secret', { actAs: 'nobody' })).toBeUndefined()
  })

  it.each(['__proto__', 'constructor', 'toString'])('treats %s as a name like others', async name => {
    expect(await login(accounts, name, 'secret')).toBeUndefined()
    const own = createAccounts({ users: [{ name, password: 'p', addresses: [`${name}@example.test`] }] })
    expect(await login(own, name, 'p')).toMatchObject({ id: name })
    expect(await find(own, `${name}@example.test`)).toEqual({ account: name })
  })
})

describe('hashed passwords', () => {
  it.each([5, undefined, '', 'x'.repeat(1_025)])('hashes no %j', async password => {
    await expect(hashPassword(password as string)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringMatching(/^hashPassword: password: .*got (?:a secret|nothing)/),
    })
  })

  it('are PHC strings of scrypt with a salt of their own', async () => {
    const [first, second] = await Promise.all([hashPassword('secret', cheap), hashPassword('secret', cheap)])
    expect(first).toMatch(/^\$scrypt\$ln=10,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(first).not.toBe(second)
    const accounts = createAccounts({ users: [{ name: 'alice', password: first }] })
    expect(await login(accounts, 'alice', 'secret')).toMatchObject({ id: 'alice' })
    expect(await login(accounts, 'alice', 'Secret')).toBeUndefined()
    expect(await login(accounts, 'alice', first)).toBeUndefined()
  })

  it('of another program that follows the format are taken', async () => {
    // RFC 7914 §12, third vector: P="pleaseletmein", S="SodiumChloride", N=16384, r=8, p=1.
    const key =
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887'
    const b64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
    const password = `$scrypt$ln=14,r=8,p=1$${b64(Buffer.from('SodiumChloride'))}$${b64(Buffer.from(key, 'hex'))}`
    const accounts = createAccounts({ users: [{ name: 'alice', password }] })
    expect(await login(accounts, 'alice', 'pleaseletmein')).toMatchObject({ id: 'alice' })
  })

  it('of one user let nobody else in, though they stand in for theirs', async () => {
    const users = [
      { name: 'alice', password: await hashPassword('secret', cheap) },
      { name: 'bob', password: 'plain' },
    ]
    const accounts = createAccounts({ users })
    for (const name of ['bob', 'nobody', '__proto__']) {
      expect(await login(accounts, name, 'secret'), name).toBeUndefined()
    }
    expect(await login(accounts, 'alice', 'plain')).toBeUndefined()
    expect(await login(accounts, 'bob', 'plain')).toMatchObject({ id: 'bob' })
  })

  it('cost by default what they cost OWASP', async () => {
    expect(await hashPassword('secret')).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$/)
  })

  it.each([{ ln: 9 }, { ln: 21 }, { r: 0 }, { p: 17 }, { ln: 20, r: 8 }, { n: 1 }])(
    'refuse the cost %j',
    async cost => {
      await expect(hashPassword('secret', cost)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    },
  )

  it('are checked a few at once, some wait, and the rest is told to come back', async () => {
    const users = [{ name: 'alice', password: await hashPassword('secret', cheap) }]
    const accounts = createAccounts({ users, concurrentHashes: 1, waitingHashes: 3 })
    const flood = await Promise.allSettled(Array.from({ length: 20 }, () => login(accounts, 'nobody', 'x')))
    const refused = flood.filter(outcome => outcome.status === 'rejected')
    expect(refused).toHaveLength(16)
    expect(refused[0]?.reason).toMatchObject({
      code: 'ACCOUNTS_FAILED',
      temporary: true,
      reply: { code: 454 },
    })
    expect(await login(accounts, 'alice', 'secret')).toMatchObject({ id: 'alice' })
  })
})

describe('time', () => {
  /** The median of the shortest runs: what the work itself takes. */
  async function measure(work: () => Promise<unknown>): Promise<number> {
    const times: number[] = []
    for (let run = 0; run < 9; run++) {
      const start = process.hrtime.bigint()
      await work()
      times.push(Number(process.hrtime.bigint() - start))
    }
    return times.sort((a, b) => a - b)[2] ?? 0
  }

  it('does not tell whether a user exists, hashed, plain or unknown', async () => {
    const users = [
      { name: 'hashed', password: await hashPassword('secret', { ln: 14, r: 8, p: 1 }) },
      { name: 'plain', password: 'x' },
    ]
    const accounts = createAccounts({ users })
    const [hashed, plain, unknown] = [
      await measure(() => login(accounts, 'hashed', 'wrong')),
      await measure(() => login(accounts, 'plain', 'wrong')),
      await measure(() => login(accounts, 'unknown', 'wrong')),
    ]
    // Without the work of a hash both would be under 0.01.
    expect(plain / hashed).toBeGreaterThan(0.3)
    expect(unknown / hashed).toBeGreaterThan(0.3)
    expect(unknown / hashed).toBeLessThan(3)
  })
})

describe('addresses', () => {
  const quota = { bytes: 1_000, messages: 5 }
  const accounts = createAccounts({
    users: [alice, { ...bob, quota }],
    aliases: {
      'Sales@EXAMPLE.test': ['alice@example.test', 'x@elsewhere.test'],
      'info@example.test': 'sales@example.test',
    },
    catchAll: { 'MÜNCHEN.test': 'alice@example.test' },
  })

  it('lead to their users, in any case, with their quota', async () => {
    expect(await find(accounts, 'ALICE@example.test')).toEqual({ account: 'alice' })
    expect(await find(accounts, 'a@münchen.test')).toEqual({ account: 'alice' })
    expect(await find(accounts, 'bob@example.test')).toEqual({ account: 'Bob@example.test', quota })
    expect(await find(accounts, 'alice@münchen.test')).toBeUndefined()
  })

  it('may stand for others', async () => {
    expect(await find(accounts, 'sales@example.test')).toEqual({
      addresses: ['alice@example.test', 'x@elsewhere.test'],
    })
    expect(await find(accounts, 'info@example.test')).toEqual({ addresses: ['sales@example.test'] })
  })

  it('may fall to one for a whole domain', async () => {
    expect(await accounts.findCatchAll('xn--mnchen-3ya.test')).toEqual({ addresses: ['alice@example.test'] })
    expect(await accounts.findCatchAll('example.test')).toBeUndefined()
    expect(await accounts.findCatchAll('__proto__')).toBeUndefined()
  })
})

describe('sending as', () => {
  const sendAs = async (options: Partial<AccountsOptions>, sender: string, user: object = {}) => {
    const accounts = createAccounts({
      users: [
        { ...alice, ...user },
        { name: 'x', password: 'x', addresses: ['alice+x@example.test'] },
      ],
      ...options,
    })
    const account = await login(accounts, 'alice', 'secret')
    return account?.maySendAs ? account.maySendAs(parseAddress(sender)) : 'any'
  }

  it('is for own addresses, with any detail that is nobody else, by default', async () => {
    expect(await sendAs({}, 'Alice@EXAMPLE.test')).toBe(true)
    expect(await sendAs({}, 'a@münchen.test')).toBe(true)
    expect(await sendAs({}, 'alice+shop@example.test')).toBe(true)
    expect(await sendAs({}, 'alice+x@example.test')).toBe(false)
    expect(await sendAs({}, 'alice@elsewhere.test')).toBe(false)
    expect(await sendAs({}, 'x@example.test')).toBe(false)
  })

  it('may be free for all or for a user, or decided by the app', async () => {
    const none = () => false
    expect(await sendAs({ maySendAs: 'any' }, 'x@elsewhere.test')).toBe('any')
    expect(await sendAs({}, 'x@elsewhere.test', { maySendAs: 'any' })).toBe('any')
    expect(await sendAs({ maySendAs: 'any' }, 'x@elsewhere.test', { maySendAs: 'own' })).toBe(false)
    expect(await sendAs({}, 'alice@example.test', { maySendAs: none })).toBe(false)
    expect(await sendAs({ maySendAs: none }, 'alice@example.test')).toBe(false)
  })
})

describe('users', () => {
  it('may come, change and go', async () => {
    const accounts = createAccounts()
    accounts.setUser(alice)
    expect(await login(accounts, 'alice', 'secret')).toMatchObject({ id: 'alice' })
    accounts.setUser({
      ...alice,
      password: await hashPassword('new', cheap),
      addresses: ['new@example.test'],
    })
    expect(await login(accounts, 'alice', 'secret')).toBeUndefined()
    expect(await login(accounts, 'new@example.test', 'new')).toMatchObject({ id: 'alice' })
    expect(await find(accounts, 'alice@example.test')).toBeUndefined()
    expect(accounts.removeUser('ALICE')).toBe(true)
    expect(accounts.removeUser('alice')).toBe(false)
    expect(await login(accounts, 'alice', 'new')).toBeUndefined()
    expect(await find(accounts, 'new@example.test')).toBeUndefined()
  })

  it("do not take each other's addresses", () => {
    const accounts = createAccounts({
      users: [alice],
      aliases: { 'sales@example.test': 'alice@example.test' },
    })
    for (const address of ['ALICE@example.test', 'sales@example.test']) {
      expect(() =>
        accounts.setUser({ name: 'eve', password: 'x', addresses: ['eve@example.test', address] }),
      ).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    }
    expect(accounts.removeUser('eve')).toBe(false)
  })
})

describe('options', () => {
  it.each<[string, unknown]>([
    ['users', { users: 'alice' }],
    ['users.0.name', { users: [{ name: '', password: 'x' }] }],
    ['users.0.name', { users: [{ name: 'a\r\nb', password: 'x' }] }],
    ['users.0.password', { users: [{ name: 'a' }] }],
    ['users.0.addresses.0', { users: [{ name: 'a', password: 'x', addresses: ['a'] }] }],
    ['users.0.quota.bytes', { users: [{ name: 'a', password: 'x', quota: { bytes: -1 } }] }],
    ['"ALICE"', { users: [alice, { ...alice, name: 'ALICE', addresses: [] }] }],
    ['alice@example.test', { users: [alice, { ...alice, name: 'eve' }] }],
    ['alice@example.test', { users: [alice], aliases: { 'alice@example.test': 'b@example.test' } }],
    ['aliases', { aliases: { sales: 'a@b.test' } }],
    ['aliases', { aliases: { 'sales@b.test': [] } }],
    ['catchAll', { catchAll: { 'not a domain': 'a@b.test' } }],
    ['maySendAs', { maySendAs: 'everybody' }],
    ['concurrentHashes', { concurrentHashes: 0 }],
  ])('name what is wrong: %s', (name, options) => {
    const create = () => createAccounts(options as AccountsOptions)
    expect(create).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(create).toThrow(name)
  })

  it.each([
    '$2b$12$abcdefghijklmnopqrstuv',
    '$argon2id$v=19$m=65536',
    '$scrypt$ln=40,r=8,p=1$c2FsdHNhbHRzYWx0$aGFzaA',
    '$6$salt$hash',
  ])('refuse a hash that cannot be checked, without repeating it: %s', password => {
    const create = () => createAccounts({ users: [{ name: 'a', password }] })
    expect(create).toThrow(/users\.0\.password: .*got a secret/)
    expect(create).not.toThrow(password)
  })

  it('never repeat a password, wherever it stands', () => {
    const options = { users: { name: 'a', password: 'hunter2' } } as unknown as AccountsOptions
    expect(() => createAccounts(options)).toThrow('[redacted]')
    expect(() => createAccounts(options)).not.toThrow('hunter2')
  })
})
