import type { LeasedEntry } from '../storage/queue-storage.js'

/** RFC 5321 §4.5.3.1.8: every server takes 100 recipients in one transaction; more are a risk. */
const mostRecipients = 100

/** Leased entries that travel together: one message, one destination, at least one recipient. */
export type Transaction = readonly [LeasedEntry, ...LeasedEntry[]]

/**
 * Puts leased entries into transactions, in their order: entries of one message with one envelope and one return path
 * for one destination go together. An address that is there twice is delivered to in a transaction of its own.
 */
export function groupEntries(
  entries: readonly LeasedEntry[],
  returnPath: (entry: LeasedEntry) => string,
): Transaction[] {
  const open = new Map<string, OpenTransaction>()
  const all: [LeasedEntry, ...LeasedEntry[]][] = []
  for (const entry of entries) {
    const key = transactionKey(entry, returnPath(entry))
    const { address } = entry.recipient
    const current = open.get(key)
    if (current && current.entries.length < mostRecipients && !current.addresses.has(address)) {
      current.entries.push(entry)
      current.addresses.add(address)
      continue
    }
    const next: OpenTransaction = { entries: [entry], addresses: new Set([address]) }
    open.set(key, next)
    all.push(next.entries)
  }
  return all
}

interface OpenTransaction {
  readonly entries: [LeasedEntry, ...LeasedEntry[]]
  readonly addresses: Set<string>
}

function transactionKey({ traceId, blob, destination, envelope }: LeasedEntry, returnPath: string): string {
  const { sender, body, smtputf8, requireTls, ret, envid } = envelope
  return JSON.stringify([
    traceId,
    blob,
    destination,
    sender,
    returnPath,
    body,
    smtputf8,
    requireTls,
    ret,
    envid,
  ])
}
