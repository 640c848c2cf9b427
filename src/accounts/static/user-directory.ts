import { type Address, addressKey, parseAddress, splitDetail, tryParseAddress } from '../../core/address.js'
import { MailError } from '../../core/error.js'
import type { Account, Destination, Quota } from '../accounts.js'
import type { CheckedUser, SendAs } from './options.js'
import { type StoredPassword, storePassword } from './password-check.js'

/** One user, as it is kept. */
export interface User {
  readonly name: string
  readonly password: StoredPassword
  /** Keys of its addresses. */
  readonly addresses: ReadonlySet<string>
  readonly quota: Quota | undefined
  readonly maySendAs: SendAs | undefined
}

/** Users by name and by address, and the addresses that stand for others. Names and addresses know no case. */
export class UserDirectory {
  readonly #byName = new Map<string, User>()
  readonly #byAddress = new Map<string, User>()
  readonly #aliases = new Map<string, readonly string[]>()

  /**
   * Adds a user, in the place of one of the same name.
   * @throws MailError `OPTION_INVALID` when another has one of its addresses; nothing has changed then.
   */
  setUser(options: CheckedUser): void {
    const user = toUser(options)
    const before = this.#byName.get(nameKey(user.name))
    for (const key of user.addresses) {
      const owner = this.#byAddress.get(key)
      if ((owner && owner !== before) || this.#aliases.has(key)) throw taken(key, owner?.name)
    }
    this.removeUser(user.name)
    this.#byName.set(nameKey(user.name), user)
    for (const key of user.addresses) this.#byAddress.set(key, user)
  }

  /** Whether there was such a user. */
  removeUser(name: string): boolean {
    const user = this.#byName.get(nameKey(name))
    for (const key of user?.addresses ?? []) this.#byAddress.delete(key)
    return this.#byName.delete(nameKey(name))
  }

  has(name: string): boolean {
    return this.#byName.has(nameKey(name))
  }

  /** @throws MailError `OPTION_INVALID` when somebody has the address. */
  addAlias(alias: string, addresses: readonly string[]): void {
    const key = addressKey(parseAddress(alias))
    const owner = this.#byAddress.get(key)
    if (owner || this.#aliases.has(key)) throw taken(key, owner?.name)
    this.#aliases.set(key, addresses)
  }

  /** Who logs in with a name or an address; names come first. */
  login(username: string): User | undefined {
    const address = tryParseAddress(username)
    return this.#byName.get(nameKey(username)) ?? (address && this.#byAddress.get(addressKey(address)))
  }

  destination(address: Address): Destination | undefined {
    const key = addressKey(address)
    const user = this.#byAddress.get(key)
    if (user) return user.quota ? { account: user.name, quota: user.quota } : { account: user.name }
    const addresses = this.#aliases.get(key)
    return addresses && { addresses }
  }

  passwords(): StoredPassword[] {
    return [...this.#byName.values()].map(user => user.password)
  }

  /** The account of a user, as others see it. */
  account(user: User, sendAs: SendAs): Account {
    const rule = user.maySendAs ?? sendAs
    if (rule === 'any') return { id: user.name }
    if (rule === 'own') return { id: user.name, maySendAs: sender => this.#owns(user, sender) }
    return { id: user.name, maySendAs: rule }
  }

  /** Whether mail for the address comes to the user: its own, or with a detail where nobody has the whole. */
  #owns(user: User, address: Address): boolean {
    if (user.addresses.has(addressKey(address))) return true
    const base = splitDetail(address)?.base
    return (
      base !== undefined && user.addresses.has(addressKey(base)) && this.destination(address) === undefined
    )
  }
}

function toUser(options: CheckedUser): User {
  const { name, addresses = tryParseAddress(name) ? [name] : [], quota, maySendAs } = options
  const password = storePassword(options.password)
  if (!password) throw new MailError('OPTION_INVALID', `users: ${name}: the password cannot be checked`)
  return {
    name,
    password,
    addresses: new Set(addresses.map(text => addressKey(parseAddress(text)))),
    quota,
    maySendAs,
  }
}

function nameKey(name: string): string {
  return name.normalize('NFC').toLowerCase()
}

function taken(address: string, owner: string | undefined): MailError {
  const by = owner === undefined ? 'is an alias already' : `belongs to the user ${JSON.stringify(owner)}`
  return new MailError('OPTION_INVALID', `createAccounts: the address ${address} ${by}`)
}
