import { tryParseAddress } from '../core/address.js'
import type { EnvelopeRecipient } from '../core/envelope.js'
import type { Delivery } from '../delivery/transport.js'
import { type QueueContext, reportError } from './queue-context.js'
import { runTransport } from './run-transport.js'

/**
 * Runs the transport under the return addresses that mail leaves with: a sender of ours has VERP, one of others SRS,
 * where the queue was given them. Recipients who share a return address share a transaction. What one transaction
 * throws takes nothing from the outcomes of those before it.
 */
export async function deliverByReturnPath(
  context: QueueContext,
  delivery: Delivery,
  queuedAt: number,
  controller: AbortController,
): Promise<unknown> {
  const { verp, srs } = context.settings
  if (delivery.envelope.sender === '' || !(verp || srs)) return runTransport(context, delivery, controller)
  const groups = [...groupByReturnPath(context, delivery, queuedAt)]
  const outcomes: unknown[] = []
  for (const [index, [sender, recipients]] of groups.entries()) {
    const part = { ...delivery, envelope: { ...delivery.envelope, sender }, recipients }
    try {
      const answer = await runTransport(context, part, controller)
      if (Array.isArray(answer)) outcomes.push(...answer)
    } catch (thrown) {
      if (index === 0) throw thrown
      reportError(context, 'a delivery', thrown, delivery.traceId)
      break
    }
  }
  return outcomes
}

function groupByReturnPath(
  context: QueueContext,
  { envelope: { sender }, recipients }: Delivery,
  queuedAt: number,
): Map<string, EnvelopeRecipient[]> {
  const groups = new Map<string, EnvelopeRecipient[]>()
  const { verp, srs } = context.settings
  const ours = isOurs(context, sender)
  for (const recipient of recipients) {
    // Of the instant it was queued, so that a second attempt looks like the first to a greylisting server.
    const rewritten = ours
      ? verp?.encode(sender, recipient.address, queuedAt)
      : srs?.forward(sender, queuedAt)
    const key = rewritten ?? sender
    const group = groups.get(key)
    if (group) group.push(recipient)
    else groups.set(key, [recipient])
  }
  return groups
}

/** Whether bounces to a sender come back here. A queue without a router sends for its own app alone. */
function isOurs({ router }: QueueContext, sender: string): boolean {
  const address = tryParseAddress(sender)
  return !router || (address !== undefined && router.isLocal(address.domain))
}
