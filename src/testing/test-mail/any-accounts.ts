import type { Accounts, CatchAllAccounts } from '../../accounts/accounts.js'
import { createAccounts } from '../../accounts/static/create-accounts.js'
import { addressKey, tryParseAddress } from '../../core/address.js'
import type { TestMailSettings } from './options.js'

/**
 * Accounts of whoever comes: any password fits, and every address has a mailbox of its own. A user logs in as the
 * address, `alice@app.test`, or, without an `@`, as the one at the home domain.
 */
export function anyAccounts(home: string): Accounts {
  return {
    authenticate: async ({ username }) => ({
      id: username.includes('@') ? keyOf(username) : keyOf(`${username}@${home}`),
    }),
    find: async address => ({ account: addressKey(address) }),
  }
}

function keyOf(username: string): string {
  const address = tryParseAddress(username)
  return address ? addressKey(address) : username.toLowerCase()
}

/** The accounts that the option `users` means. */
export function accountsOf({ users, domains, hostname }: TestMailSettings): Accounts | CatchAllAccounts {
  if (users === undefined) return anyAccounts(domains?.[0] ?? hostname)
  return 'authenticate' in users ? users : createAccounts({ users: [...users] })
}
