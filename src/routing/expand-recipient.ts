import type { Destination } from '../accounts/accounts.js'
import { type Address, addressKey, formatAddress, tryParseAddress } from '../core/address.js'
import { MailError } from '../core/error.js'
import { reply } from '../smtp/reply.js'
import { brokenContract } from './check-destination.js'
import type { DestinationLookup } from './destination-lookup.js'
import { targetKey } from './plan-batch.js'
import type { LocalTarget } from './router.js'

/** Aliases of aliases, at most; and addresses that one recipient may stand for. */
const deepest = 10
const most = 1_000

/** Where the aliases behind one recipient end. */
export interface Expansion {
  readonly local: readonly LocalTarget[]
  /** In wire form. */
  readonly remote: readonly string[]
  /** Aliases' local addresses that nobody has. */
  readonly unknown: readonly string[]
}

/** What {@link expandRecipient} asks. */
export interface ExpansionSources {
  readonly lookup: DestinationLookup
  readonly isLocal: (domain: string) => boolean
}

/**
 * Follows a local address to the mailboxes and remote addresses it stands for, level by level. An address that was
 * met before is passed over, so a circle with a way out delivers to the ways out, once.
 * @throws MailError `ALIAS_LOOP` with its reply, when every way leads in a circle, or the aliases go deeper than 10
 * levels or to more than 1,000 addresses.
 */
export async function expandRecipient(recipient: Address, sources: ExpansionSources): Promise<Expansion> {
  const destination = await sources.lookup(recipient)
  const target = destination && mailboxOf(destination)
  if (target) return { local: [target], remote: [], unknown: [] }
  const walk = new AliasWalk(recipient, sources)
  let level: readonly Address[] = walk.place(recipient, destination)
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > deepest) throw aliasLoop(recipient, `nest more than ${deepest} levels deep`)
    level = await walk.follow(level)
  }
  return walk.ends()
}

function mailboxOf(destination: Destination): LocalTarget | undefined {
  if (!('account' in destination)) return undefined
  const { account, mailbox = 'INBOX', quota } = destination
  return { account, mailbox, ...(quota && { quota }) }
}

class AliasWalk {
  readonly #recipient: Address
  readonly #sources: ExpansionSources
  readonly #met: Set<string>
  readonly #local = new Map<string, LocalTarget>()
  readonly #remote: string[] = []
  readonly #unknown: string[] = []

  constructor(recipient: Address, sources: ExpansionSources) {
    this.#recipient = recipient
    this.#sources = sources
    this.#met = new Set([addressKey(recipient)])
  }

  /** Sorts the addresses of a level; those that aliases name in their place are the next. */
  async follow(level: readonly Address[]): Promise<Address[]> {
    const next: Address[] = []
    for (const address of level) {
      if (this.#isElsewhere(address)) this.#remote.push(formatAddress(address))
      // One after another: an alias with many members must not flood the app's database.
      else next.push(...(await this.#followLocal(address)))
    }
    return next
  }

  ends(): Expansion {
    if (this.#local.size + this.#remote.length + this.#unknown.length === 0) {
      throw aliasLoop(this.#recipient, 'go in a circle')
    }
    return { local: [...this.#local.values()], remote: this.#remote, unknown: this.#unknown }
  }

  #isElsewhere(address: Address): boolean {
    return address.domain !== '' && !this.#sources.isLocal(address.domain)
  }

  async #followLocal(address: Address): Promise<Address[]> {
    return this.place(address, await this.#sources.lookup(address))
  }

  /** Notes where an address leads; gives the addresses that an alias names in its place. */
  place(address: Address, destination: Destination | undefined): Address[] {
    if (destination && 'addresses' in destination && destination.addresses.length > 0) {
      return this.#unmet(address, destination.addresses)
    }
    const target = destination && mailboxOf(destination)
    if (target) this.#local.set(targetKey(target), target)
    else this.#unknown.push(formatAddress(address))
    return []
  }

  #unmet(alias: Address, members: readonly string[]): Address[] {
    return members.flatMap(member => {
      const address = tryParseAddress(member)
      if (!address) {
        throw brokenContract(
          `the accounts' alias ${formatAddress(alias)}`,
          member,
          "addresses such as 'a@b.test'",
        )
      }
      const key = addressKey(address)
      if (this.#met.has(key)) return []
      if (this.#met.size >= most) throw aliasLoop(this.#recipient, `lead to more than ${most} addresses`)
      this.#met.add(key)
      return [address]
    })
  }
}

function aliasLoop(recipient: Address, what: string): MailError {
  return new MailError('ALIAS_LOOP', `the aliases of ${formatAddress(recipient)} ${what}`, {
    // Permanent: time does not untie it, and the sender should learn of it at once (RFC 3463 X.4.6).
    reply: reply(550, '5.4.6', 'The address is forwarded in a circle'),
  })
}
