import { type Accounts, type Destination, hasCatchAll } from '../accounts/accounts.js'
import { type Address, splitDetail } from '../core/address.js'
import { describeError, MailError } from '../core/error.js'
import { replies } from '../smtp/reply.js'
import { checkDestination } from './check-destination.js'

/** Finds where mail for a local address goes. */
export type DestinationLookup = (address: Address) => Promise<Destination | undefined>

/** What a {@link DestinationLookup} is made of. */
export interface DestinationLookupOptions {
  readonly accounts: Accounts
  readonly detailSeparator: string | false
  readonly postmaster: string | undefined
}

/**
 * Asks the accounts for the address as written, then without its detail, then (for `postmaster`) takes the address that
 * stands in for it, then asks for the domain's catch-all. What says more about the address wins.
 */
export function createDestinationLookup(options: DestinationLookupOptions): DestinationLookup {
  const { accounts, detailSeparator, postmaster } = options
  return async address => {
    const found = await ask('find', address.localPart, () => accounts.find(address))
    if (found) return found
    const split = detailSeparator === false ? undefined : splitDetail(address, detailSeparator)
    const base = split && (await ask('find', split.base.localPart, () => accounts.find(split.base)))
    if (base) return base
    if (postmaster !== undefined && isPostmaster(address)) return { addresses: [postmaster] }
    if (!hasCatchAll(accounts)) return undefined
    return ask('findCatchAll', address.domain, () => accounts.findCatchAll(address.domain))
  }
}

/** Whether an address is the one every server has, in any case (RFC 5321 §4.5.1). */
export function isPostmaster(address: Address): boolean {
  return address.localPart.toLowerCase() === 'postmaster'
}

async function ask(
  method: string,
  subject: string,
  question: () => Promise<Destination | undefined>,
): Promise<Destination | undefined> {
  let answer: unknown
  try {
    answer = await question()
  } catch (thrown) {
    throw new MailError('ACCOUNTS_FAILED', `accounts.${method}: ${describeError(thrown)}`, {
      temporary: true,
      reply: replies.localError,
      cause: thrown,
    })
  }
  return checkDestination(() => `accounts.${method}(${JSON.stringify(subject)})`, answer)
}
