import { addressKey, parseAddress } from '../../core/address.js'
import type { NewRecord } from '../../storage/record-storage.js'
import type { Storage } from '../../storage/storage.js'
import type { Suppression, SuppressionList } from './suppression-list.js'

/** Options of {@link storedSuppressionList}. */
export interface StoredSuppressionListOptions {
  /** That of the queue, so that a hard bounce is on the list with the commit that settles it. */
  storage: Storage
}

/** A suppression list in a storage: it outlives the process, and all processes on the storage share it. */
export interface StoredSuppressionList extends SuppressionList {
  readonly storage: Storage
  /** What is kept of an address on the list, for a commit of somebody else. */
  record(suppression: Suppression): NewRecord
  add(suppression: Suppression): Promise<void>
  find(recipient: string): Promise<Suppression | undefined>
  /** Takes an address off the list; whether it was there. */
  remove(address: string): Promise<boolean>
  /** By address, those after `after`, 1,000 unless told otherwise. */
  list(query?: { after?: string; limit?: number }): Promise<Suppression[]>
}

/** Where suppressions are among the records of a storage. */
export const suppressionSpace = 'suppressed'

/**
 * A suppression list in a storage. There may be many of one: none remembers anything itself.
 * @throws MailError in its methods: `ADDRESS_INVALID` for what is no address, and what the storage throws.
 */
export function storedSuppressionList({ storage }: StoredSuppressionListOptions): StoredSuppressionList {
  const record = (suppression: Suppression): NewRecord => ({
    space: suppressionSpace,
    key: keyOf(suppression.address),
    value: JSON.stringify(suppression),
  })
  return {
    storage,
    record,
    add: suppression => storage.records.put(record(suppression)),
    async find(recipient) {
      const found = await storage.records.get(suppressionSpace, keyOf(recipient))
      return found && JSON.parse(found.value)
    },
    async remove(address) {
      const removed = await storage.records.delete(suppressionSpace, [keyOf(address)])
      return removed.length > 0
    },
    async list({ after, limit } = {}) {
      const found = await storage.records.list(suppressionSpace, {
        ...(after !== undefined && { after: keyOf(after) }),
        ...(limit !== undefined && { limit }),
      })
      return found.map(({ value }) => JSON.parse(value))
    },
  }
}

function keyOf(address: string): string {
  return addressKey(parseAddress(address))
}
