import { tryParseAddress } from '../core/address.js'
import type { QueueEntry } from '../storage/queue-storage.js'
import type { QueueContext } from './queue-context.js'

/**
 * The sender that an entry leaves with: one of ours has VERP, one of others SRS, where the queue was given them. Of the
 * instant it was queued, so that a second attempt looks like the first to a greylisting server.
 * @throws what a VERP or SRS of the app throws.
 */
export function returnPathOf(context: QueueContext, { envelope, recipient, queuedAt }: QueueEntry): string {
  const { sender } = envelope
  const { verp, srs } = context.settings
  if (sender === '' || !(verp || srs)) return sender
  const rewritten = isOurs(context, sender)
    ? verp?.encode(sender, recipient.address, queuedAt)
    : srs?.forward(sender, queuedAt)
  return rewritten ?? sender
}

/** Entries that may travel together have one key. Where the return path cannot be made one goes alone; its attempt says why. */
export function returnPathKey(context: QueueContext, entry: QueueEntry): string {
  try {
    return returnPathOf(context, entry)
  } catch {
    return entry.id
  }
}

/** Whether bounces to a sender come back here. A queue without a router sends for its own app alone. */
function isOurs({ router }: QueueContext, sender: string): boolean {
  const address = tryParseAddress(sender)
  return !router || (address !== undefined && router.isLocal(address.domain))
}
