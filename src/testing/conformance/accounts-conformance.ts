import assert from 'node:assert/strict'
import { type Account, type Accounts, type Credentials, hasCatchAll } from '../../accounts/accounts.js'
import { parseAddress } from '../../core/address.js'
import type { TestFunctions } from './test-functions.js'

/** What the accounts under test are to know, and what they must not. */
export interface AccountsSubject {
  readonly accounts: Accounts
  /** A user they know. */
  readonly user: { readonly name: string; readonly password: string; readonly address: string }
  /** Another user they know. */
  readonly other: { readonly name: string }
  /** An address of the same domain that is nobody's. */
  readonly unknownAddress: string
  /** A domain whose mail for unknown addresses somebody takes, for accounts with that power. */
  readonly catchAllDomain?: string
  /** Gives back what the subject holds, after each test. */
  close?(): Promise<void>
}

/** What {@link describeAccounts} needs to know. */
export interface AccountsConformanceOptions extends TestFunctions {
  /** Makes accounts that know what the subject says; called for each test. */
  create(): AccountsSubject | Promise<AccountsSubject>
}

/** Defines the tests that every driver of the accounts contract must pass, with any runner's functions. */
export function describeAccounts({ describe, it, create }: AccountsConformanceOptions): void {
  const test = (name: string, body: (subject: AccountsSubject) => Promise<void>) =>
    it(name, async () => {
      const subject = await create()
      try {
        await body(subject)
      } finally {
        await subject.close?.()
      }
    })
  describe('accounts: authenticate', () => describeAuthenticate(test))
  describe('accounts: find', () => describeFind(test))
}

type Test = (name: string, body: (subject: AccountsSubject) => Promise<void>) => void

function login(subject: AccountsSubject, shown: Partial<Credentials> = {}): Promise<Account | undefined> {
  const { name: username, password } = subject.user
  const place = { protocol: 'smtp', remoteAddress: '192.0.2.1', secure: true } as const
  return subject.accounts.authenticate({ username, password, ...place, ...shown })
}

function describeAuthenticate(test: Test): void {
  test('knows a user by name and password', async subject => {
    const account = await login(subject)
    assert.equal(typeof account?.id, 'string')
    assert.notEqual(account?.id, '')
  })

  test('gives the same id each time, whatever the protocol', async subject => {
    const ids = await Promise.all(
      (['smtp', 'pop3', 'imap'] as const).map(async protocol => (await login(subject, { protocol }))?.id),
    )
    assert.equal(new Set(ids).size, 1)
  })

  test('answers undefined to a wrong password, to none, and to the right one in another case', async subject => {
    const { password } = subject.user
    const swapped = password === password.toUpperCase() ? password.toLowerCase() : password.toUpperCase()
    for (const wrong of [`${password}x`, password.slice(1), '', swapped]) {
      if (wrong === password) continue
      assert.equal(await login(subject, { password: wrong }), undefined, JSON.stringify(wrong))
    }
  })

  test('answers undefined to an unknown user, hostile names included', async subject => {
    for (const username of [
      '',
      'nobody',
      '__proto__',
      'constructor',
      "' OR 1=1 --",
      '*',
      '\u0000',
      'a'.repeat(1_000),
    ]) {
      assert.equal(await login(subject, { username }), undefined, JSON.stringify(username))
    }
  })

  test('lets a user act as itself and as no other (RFC 4616 §2)', async subject => {
    const account = await login(subject)
    const asItself = await login(subject, { actAs: subject.user.name })
    assert.equal(asItself?.id, account?.id)
    assert.equal(await login(subject, { actAs: subject.other.name }), undefined)
  })

  test('lets a user send as its own address', async subject => {
    const account = await login(subject)
    assert.ok(account)
    assert.notEqual(await account.maySendAs?.(parseAddress(subject.user.address)), false)
  })
}

function describeFind(test: Test): void {
  test('finds the account of an address, the one its user logs in to', async subject => {
    const destination = await subject.accounts.find(parseAddress(subject.user.address))
    assert.ok(destination && 'account' in destination)
    assert.equal(destination.account, (await login(subject))?.id)
  })

  test('answers undefined for an address nobody has, prototype names and look-alikes included', async subject => {
    const { domain, localPart } = parseAddress(subject.user.address)
    assert.equal(await subject.accounts.find(parseAddress(subject.unknownAddress)), undefined)
    for (const unknown of [
      '__proto__',
      'constructor',
      `${localPart}%`,
      '_'.repeat(localPart.length),
      `${localPart} `,
    ]) {
      assert.equal(await subject.accounts.find({ localPart: unknown, domain }), undefined, unknown)
    }
  })

  test('does not find the address in another domain', async subject => {
    const { localPart } = parseAddress(subject.user.address)
    assert.equal(await subject.accounts.find({ localPart, domain: 'elsewhere.invalid' }), undefined)
  })

  test('names who takes the rest of a domain, and nobody for other domains', async ({
    accounts,
    catchAllDomain,
  }) => {
    if (!hasCatchAll(accounts)) return
    assert.equal(await accounts.findCatchAll('elsewhere.invalid'), undefined)
    if (catchAllDomain === undefined) return
    const destination = await accounts.findCatchAll(catchAllDomain)
    assert.ok(destination && ('account' in destination || destination.addresses.length > 0))
  })
}
