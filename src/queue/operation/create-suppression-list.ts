import { addressKey, parseAddress } from '../../core/address.js'
import type { Suppression, SuppressionList } from './suppression-list.js'

/** A suppression list in memory. */
export interface MemorySuppressionList extends SuppressionList {
  add(suppression: Suppression): void
  find(recipient: string): Suppression | undefined
  /** Takes an address off the list; whether it was there. */
  remove(address: string): boolean
  /** The oldest first. */
  list(): Suppression[]
}

/**
 * Creates a suppression list in memory, of what `list()` of another gave, say from a file. Of more than a million
 * addresses the oldest are forgotten. @throws MailError `ADDRESS_INVALID` for what is no address, there and in its methods.
 */
export function createSuppressionList(initial: readonly Suppression[] = []): MemorySuppressionList {
  const byKey = new Map<string, Suppression>()
  const list: MemorySuppressionList = {
    find: recipient => byKey.get(key(recipient)),
    add(suppression) {
      byKey.delete(key(suppression.address))
      byKey.set(key(suppression.address), suppression)
      const [oldest] = byKey.size > mostAddresses ? byKey.keys() : []
      if (oldest !== undefined) byKey.delete(oldest)
    },
    remove: address => byKey.delete(key(address)),
    list: () => [...byKey.values()],
  }
  for (const suppression of initial) list.add(suppression)
  return list
}

const mostAddresses = 1_000_000

function key(address: string): string {
  return addressKey(parseAddress(address))
}
