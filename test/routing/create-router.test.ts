import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Accounts, CatchAllAccounts, Destination } from '../../src/accounts/accounts.js'
import { type Address, addressKey } from '../../src/core/address.js'
import { createRouter } from '../../src/routing/create-router.js'
import type { RouterOptions } from '../../src/routing/options.js'

type Book = Record<string, unknown>

/** Accounts that know the addresses of a book; asked for each question they note the address. */
function accountsOf(book: Book, asked: string[] = []): Accounts {
  const known = new Map(Object.entries(book))
  return {
    authenticate: async () => undefined,
    find: async (address: Address) => {
      asked.push(addressKey(address))
      return known.get(addressKey(address)) as Destination | undefined
    },
  }
}

const alice = { account: 'alice' }
const kept = { kind: 'accept', local: [{ account: 'alice', mailbox: 'INBOX' }], remote: [], relay: false }
const noSuchUser = { kind: 'reject', reply: { code: 550, enhanced: '5.1.1' } }
const circle = { kind: 'reject', reply: { code: 550, enhanced: '5.4.6' } }

function routerOf(book: Book, options: Partial<RouterOptions> = {}) {
  return createRouter({ domains: ['example.test', 'münchen.test'], accounts: accountsOf(book), ...options })
}

describe('local recipients', () => {
  it('go to their mailbox, with its name and quota', async () => {
    const quota = { bytes: 10 }
    const router = routerOf({
      'alice@example.test': alice,
      'bob@example.test': { account: 'b', mailbox: 'In/Work', quota },
    })
    expect(await router.route('alice@example.test')).toEqual(kept)
    expect(await router.route('bob@example.test')).toMatchObject({
      local: [{ account: 'b', mailbox: 'In/Work', quota }],
    })
  })

  it('are rejected when nobody has the address', async () => {
    expect(await routerOf({}).route('nobody@example.test')).toMatchObject(noSuchUser)
    expect(await routerOf({ 'alice@example.test': null }).route('alice@example.test')).toMatchObject(
      noSuchUser,
    )
  })

  it('are found under the A-labels and U-labels of their domain, in any case', async () => {
    const router = routerOf({ 'alice@xn--mnchen-3ya.test': alice, 'alice@example.test': alice })
    for (const domain of [
      'münchen.test',
      'MÜNCHEN.test',
      'xn--mnchen-3ya.test',
      'XN--MNCHEN-3YA.test',
      'EXAMPLE.Test',
    ]) {
      expect(router.isLocal(domain), domain).toBe(true)
      expect(await router.route(`alice@${domain}`), domain).toEqual(kept)
    }
  })

  it('may have an address literal of this host', async () => {
    const router = routerOf({ 'alice@[192.0.2.1]': alice }, { domains: ['[192.0.2.1]'] })
    expect(await router.route('alice@[192.0.2.1]')).toEqual(kept)
    expect(await router.route('alice@[192.0.2.2]')).toMatchObject({ relay: true })
  })

  it('are looked up with their detail first, then without it', async () => {
    const asked: string[] = []
    const accounts = accountsOf(
      { 'alice@example.test': alice, 'alice+x@example.test': { account: 'x' } },
      asked,
    )
    const router = createRouter({ domains: ['example.test'], accounts })
    expect(await router.route('alice+x@example.test')).toMatchObject({ local: [{ account: 'x' }] })
    expect(await router.route('alice+shop+1@example.test')).toEqual(kept)
    expect(asked).toEqual(['alice+x@example.test', 'alice+shop+1@example.test', 'alice@example.test'])
  })

  it('have the detail separator of the options, or none', async () => {
    const book = { 'alice@example.test': alice }
    expect(await routerOf(book, { detailSeparator: '--' }).route('alice--x@example.test')).toEqual(kept)
    expect(await routerOf(book, { detailSeparator: '--' }).route('alice+x@example.test')).toMatchObject(
      noSuchUser,
    )
    expect(await routerOf(book, { detailSeparator: false }).route('alice+x@example.test')).toMatchObject(
      noSuchUser,
    )
  })

  it('fall to the catch-all of their domain last', async () => {
    const domains: string[] = []
    const accounts: CatchAllAccounts = {
      ...accountsOf({ 'alice@example.test': alice }),
      findCatchAll: async domain => {
        domains.push(domain)
        return { account: 'rest' }
      },
    }
    const router = createRouter({ domains: ['münchen.test', 'example.test'], accounts })
    expect(await router.route('alice+x@example.test')).toEqual(kept)
    expect(domains).toEqual([])
    expect(await router.route('x@MÜNCHEN.test')).toMatchObject({ local: [{ account: 'rest' }] })
    expect(domains).toEqual(['xn--mnchen-3ya.test'])
  })

  it('may be told by a function of the domain', async () => {
    const router = routerOf(
      { 'alice@a.example.test': alice },
      { domains: domain => domain.endsWith('.example.test') },
    )
    expect(await router.route('alice@A.EXAMPLE.test')).toEqual(kept)
    expect(router.isLocal('example.test')).toBe(false)
    expect(router.isLocal('not a domain')).toBe(false)
  })
})

describe('postmaster (RFC 5321 §4.5.1)', () => {
  it('goes to the address of the options when the accounts have none, in any case, also without domain', async () => {
    const router = routerOf({ 'alice@example.test': alice }, { postmaster: 'alice@example.test' })
    for (const address of [
      'postmaster@example.test',
      'PostMaster@münchen.test',
      'Postmaster',
      'postmaster+x@example.test',
    ]) {
      expect(await router.route(address), address).toMatchObject(address.includes('+') ? noSuchUser : kept)
    }
  })

  it('goes to its own account before', async () => {
    const book = { 'postmaster@example.test': alice, 'bob@example.test': { account: 'bob' } }
    const router = routerOf(book, { postmaster: 'bob@example.test' })
    expect(await router.route('postmaster')).toEqual(kept)
    expect(await router.route('postmaster@example.test')).toEqual(kept)
    expect(await router.route('postmaster@münchen.test')).toMatchObject({ local: [{ account: 'bob' }] })
  })

  it('may be at another server', async () => {
    const router = routerOf({}, { postmaster: 'ops@elsewhere.test' })
    expect(await router.route('postmaster@example.test')).toMatchObject({
      remote: ['ops@elsewhere.test'],
      relay: false,
    })
  })

  it('is rejected when nobody takes it', async () => {
    expect(await routerOf({}).route('postmaster')).toMatchObject(noSuchUser)
    expect(await routerOf({}, { domains: () => true }).route('postmaster')).toMatchObject(noSuchUser)
    expect(await routerOf({}, { domains: [] }).route('postmaster')).toMatchObject(noSuchUser)
  })
})

describe('aliases', () => {
  it('are followed to mailboxes and other servers, each once', async () => {
    const router = routerOf({
      'sales@example.test': { addresses: ['alice@example.test', 'team@EXAMPLE.test', 'bob@elsewhere.test'] },
      'team@example.test': { addresses: ['Alice@example.test', 'BOB@elsewhere.test', 'carol@example.test'] },
      'alice@example.test': alice,
      'carol@example.test': alice,
    })
    expect(await router.route('sales@example.test')).toEqual({ ...kept, remote: ['bob@elsewhere.test'] })
  })

  it('lose members nobody has, and say so, but are rejected when none is left', async () => {
    const warned: object[] = []
    const logger = {
      debug: () => {},
      info: () => {},
      error: () => {},
      warn: (fields: object) => void warned.push(fields),
    }
    const router = routerOf(
      {
        'some@example.test': { addresses: ['gone@example.test', 'alice@example.test'] },
        'none@example.test': { addresses: ['gone@example.test'] },
        'empty@example.test': { addresses: [] },
        'alice@example.test': alice,
      },
      { logger },
    )
    expect(await router.route('some@example.test')).toEqual(kept)
    expect(await router.route('none@example.test')).toMatchObject(noSuchUser)
    expect(await router.route('empty@example.test')).toMatchObject(noSuchUser)
    expect(warned).toEqual([
      { recipient: 'some@example.test', missing: ['gone@example.test'] },
      { recipient: 'none@example.test', missing: ['gone@example.test'] },
    ])
  })

  it('that go in a circle are rejected, unless a way leads out', async () => {
    const router = routerOf({
      'self@example.test': { addresses: ['SELF@example.test'] },
      'a@example.test': { addresses: ['b@example.test'] },
      'b@example.test': { addresses: ['a@example.test'] },
      'c@example.test': { addresses: ['d@example.test', 'alice@example.test'] },
      'd@example.test': { addresses: ['c@example.test'] },
      'alice@example.test': alice,
    })
    expect(await router.route('self@example.test')).toMatchObject(circle)
    expect(await router.route('a@example.test')).toMatchObject(circle)
    expect(await router.route('c@example.test')).toEqual(kept)
  })

  it('may be 10 deep and no deeper', async () => {
    const book: Book = { 'a0@example.test': alice }
    for (let depth = 1; depth <= 11; depth++)
      book[`a${depth}@example.test`] = { addresses: [`a${depth - 1}@example.test`] }
    expect(await routerOf(book).route('a10@example.test')).toEqual(kept)
    expect(await routerOf(book).route('a11@example.test')).toMatchObject(circle)
  })

  it('that grow with each level are stopped at 1,000 addresses', async () => {
    let asked = 0
    const accounts: Accounts = {
      authenticate: async () => undefined,
      find: async address => {
        asked++
        return {
          addresses: Array.from({ length: 100 }, (_, index) => `${index}.${address.localPart}@example.test`),
        }
      },
    }
    expect(await createRouter({ domains: ['example.test'], accounts }).route('a@example.test')).toMatchObject(
      circle,
    )
    expect(asked).toBeLessThan(1_001)
  })

  it('work for a list of 900', async () => {
    const addresses = Array.from({ length: 900 }, (_, index) => `u${index}@elsewhere.test`)
    expect(await routerOf({ 'all@example.test': { addresses } }).route('all@example.test')).toMatchObject({
      remote: addresses,
    })
  })
})

describe('what is not local', () => {
  it('is a relay', async () => {
    const relayed = { kind: 'accept', local: [], relay: true }
    expect(await routerOf({}).route('Bob@Elsewhere.TEST')).toEqual({
      ...relayed,
      remote: ['Bob@elsewhere.test'],
    })
    expect(await routerOf({}).route('"b c"@elsewhere.test')).toEqual({
      ...relayed,
      remote: ['"b c"@elsewhere.test'],
    })
  })

  it.each([
    'victim%elsewhere.test@example.test',
    '"victim%elsewhere.test"@example.test',
    'elsewhere.test!victim@example.test',
    '"victim@elsewhere.test"@example.test',
    '"@elsewhere.test:victim"@example.test',
    '"victim@elsewhere.test "@example.test',
    '"victim\\@elsewhere.test"@münchen.test',
    'a%b!c%elsewhere.test@EXAMPLE.TEST',
  ])('does not hide in a local part: %s', async address => {
    expect(await routerOf({}).route(address)).toMatchObject(noSuchUser)
  })

  it.each([
    'victim@elsewhere.test@example.test',
    '@elsewhere.test:victim@example.test',
    '@example.test,@elsewhere.test:victim@elsewhere.test',
    'victim@example.test.',
    'victim@[127.0.0.1',
    '<victim@elsewhere.test>',
    'victim@elsewhere.test\r\nRCPT TO:<x@y.test>',
    'victim@',
    'postmaster@',
    '',
  ])('is no address: %j', async address => {
    await expect(routerOf({}).route(address)).rejects.toMatchObject({ code: 'ADDRESS_INVALID' })
  })

  it('is never reached by a stranger, whatever the local part (property)', async () => {
    const router = routerOf({})
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary-ascii', maxLength: 40 }), async text => {
        const quoted = `"${text.replace(/["\\]/g, '\\$&')}"@example.test`
        const outcomes = await Promise.allSettled([
          router.route(`${text}@example.test`),
          router.route(quoted),
        ])
        for (const outcome of outcomes) {
          if (outcome.status === 'fulfilled') expect(outcome.value).toMatchObject(noSuchUser)
          else expect(outcome.reason).toMatchObject({ code: 'ADDRESS_INVALID' })
        }
      }),
    )
  })
})

describe('accounts that fail', () => {
  const route = (answer: unknown) => routerOf({ 'alice@example.test': answer }).route('alice@example.test')

  it('cost the client a temporary error', async () => {
    const accounts: Accounts = {
      authenticate: async () => undefined,
      find: () => {
        throw new Error('no database')
      },
    }
    await expect(
      createRouter({ domains: ['example.test'], accounts }).route('a@example.test'),
    ).rejects.toMatchObject({
      code: 'ACCOUNTS_FAILED',
      temporary: true,
      message: 'accounts.find: no database',
      reply: { code: 451, enhanced: '4.3.0' },
    })
  })

  it.each([
    ['a string', 'alice', '"alice"'],
    ['true', true, 'true'],
    ['an empty account', { account: '' }, 'an object with "account"'],
    ['a number as account', { account: 7 }, 'an object with "account"'],
    ['both', { account: 'a', addresses: ['b@c.test'] }, '"account", "addresses"'],
    ['addresses as text', { addresses: 'b@c.test' }, '"addresses"'],
    ['a number among addresses', { addresses: [1] }, '"addresses"'],
    ['a mailbox that is none', { account: 'a', mailbox: 1 }, '"mailbox"'],
    ['a quota that is none', { account: 'a', quota: { bytes: '1GB' } }, '"quota"'],
    ['nothing in it', {}, 'no fields'],
    ['a bad address in an alias', { addresses: ['not an address'] }, '"not an address"'],
  ])('are told of it by name: %s', async (_, answer, got) => {
    const failure = await route(answer).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'DRIVER_CONTRACT',
      temporary: true,
      reply: { code: 451, enhanced: '4.3.0' },
    })
    expect(String(failure)).toContain(got)
  })
})

describe('prototype names', () => {
  it.each(['__proto__', 'constructor', 'toString'])('are users like others: %s', async name => {
    expect(await routerOf({}).route(`${name}@example.test`)).toMatchObject(noSuchUser)
    const router = routerOf({ [`${name.toLowerCase()}@example.test`]: { account: name } })
    expect(await router.route(`${name}@example.test`)).toMatchObject({
      local: [{ account: name, mailbox: 'INBOX' }],
    })
  })
})

describe('options', () => {
  it.each([
    ['domains', { domains: ['not a domain'] }],
    ['domains', { domains: 'example.test' }],
    ['accounts', { accounts: {} }],
    ['detailSeparator', { detailSeparator: '' }],
    ['postmaster', { postmaster: 'nobody' }],
    ['catchAll', { catchAll: 'x' }],
  ])('name what is wrong: %s', (name, options) => {
    const create = () => routerOf({}, options as Partial<RouterOptions>)
    expect(create).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(create).toThrow(name)
  })
})
