import { normalizeDomain, tryNormalizeDomain } from '../../core/domain.js'
import { MailError } from '../../core/error.js'
import { parseOptions } from '../../core/options.js'
import type { CatchAllAccounts, Credentials } from '../accounts.js'
import { type AccountsOptions, accountsOptionsSchema, type UserOptions, userSchema } from './options.js'
import { PasswordCheck } from './password-check.js'
import { UserDirectory } from './user-directory.js'
import { WorkLimit } from './work-limit.js'

/** Accounts whose users are given by the app, and may change while servers use them. */
export interface StaticAccounts extends CatchAllAccounts {
  /**
   * Adds a user, or replaces the one of the same name.
   * @throws MailError `OPTION_INVALID`, also when another user or an alias has one of its addresses.
   */
  setUser(user: UserOptions): void
  /** Takes a user away; its mail stays in the store. Returns whether there was one. */
  removeUser(name: string): boolean
}

/**
 * Creates accounts out of a list: users with plain or hashed passwords, aliases and catch-alls. Users log in with
 * their name or one of their addresses. Names and addresses are told apart without regard to case.
 *
 * A login takes as long for an unknown user as for a wrong password. A client may act as no other user (RFC 4616 §2).
 * @throws MailError `OPTION_INVALID`, also for a name or an address that two users have.
 */
export function createAccounts(options: AccountsOptions = {}): StaticAccounts {
  const parsed = parseOptions('createAccounts', accountsOptionsSchema(), options)
  const directory = new UserDirectory()
  for (const user of parsed.users) {
    if (directory.has(user.name)) {
      throw new MailError(
        'OPTION_INVALID',
        `createAccounts: two users have the name ${JSON.stringify(user.name)}`,
      )
    }
    directory.setUser(user)
  }
  for (const [alias, addresses] of Object.entries(parsed.aliases)) directory.addAlias(alias, addresses)
  const catchAll = new Map(
    Object.entries(parsed.catchAll).map(([domain, addresses]) => [normalizeDomain(domain), { addresses }]),
  )
  const passwords = new PasswordCheck(new WorkLimit(parsed.concurrentHashes, parsed.waitingHashes))
  passwords.prepare(directory.passwords())

  return {
    authenticate: async ({ username, password, actAs }: Credentials) => {
      const user = directory.login(username)
      const matches = await passwords.matches(username, password, user?.password)
      if (!matches || !user || (actAs && directory.login(actAs) !== user)) return undefined
      return directory.account(user, parsed.maySendAs)
    },
    find: async address => directory.destination(address),
    findCatchAll: async domain => catchAll.get(tryNormalizeDomain(domain) ?? ''),
    setUser: user => {
      directory.setUser(parseOptions('setUser', userSchema(), user))
      passwords.prepare(directory.passwords())
    },
    removeUser: name => {
      const removed = directory.removeUser(name)
      passwords.prepare(directory.passwords())
      return removed
    },
  }
}
