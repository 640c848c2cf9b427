import type { Delivery, RecipientOutcome } from '../../delivery/transport.js'
import { localVerdict } from '../../delivery/verdict.js'
import type { AttemptRecord } from '../../storage/queue-storage.js'
import type { NewRecord } from '../../storage/record-storage.js'
import type { RecipientEvent } from '../events.js'
import type { Outcome } from '../plan-dsn.js'
import { type QueueContext, reportError } from '../queue-context.js'
import type { StoredSuppressionList } from './stored-suppression-list.js'
import type { Suppression, SuppressionList } from './suppression-list.js'

/**
 * Delivers to the recipients that are not suppressed; the others have failed, and their sender is told why. A list that
 * fails defers them all.
 */
export async function deliverUnlessSuppressed(
  { settings }: QueueContext,
  delivery: Delivery,
  deliver: (delivery: Delivery) => Promise<unknown>,
): Promise<unknown> {
  const { suppression } = settings
  if (!suppression) return deliver(delivery)
  const { sender } = delivery.envelope
  const found = await Promise.all(
    delivery.recipients.map(async recipient => ({
      recipient,
      suppressed: await suppression.list.find(recipient.address, sender),
    })),
  )
  const refused = found.flatMap(({ recipient, suppressed }): RecipientOutcome[] => {
    if (!suppressed) return []
    const reason = `the recipient is on the suppression list: ${suppressed.reason}`
    return [{ recipient: recipient.address, ...localVerdict('failed', 'local', '5.7.1', reason) }]
  })
  const recipients = found.flatMap(({ recipient, suppressed }) => (suppressed ? [] : [recipient]))
  if (recipients.length === 0) return refused
  const outcomes = await deliver({ ...delivery, recipients })
  return Array.isArray(outcomes) ? [...refused, ...outcomes] : refused
}

/** What puts the recipient of a hard bounce on the list with the commit that settles it, where the list is kept there. */
export function suppressionRecords(
  { settings }: QueueContext,
  { entry, attempt, fate }: Outcome,
): NewRecord[] {
  const { suppression, storage } = settings
  if (!suppression?.addHardBounces || !isStoredIn(storage, suppression.list)) return []
  if (fate.kind !== 'returned' || fate.expired || !isHardBounce(attempt)) return []
  return [suppression.list.record(suppressionOf(entry.recipient.address, attempt))]
}

/** Puts addresses on the list whose servers say that they do not exist, where the app wants that, and tells of them. */
export function suppressHardBounces(context: QueueContext): void {
  const { suppression, clock, storage } = context.settings
  if (!suppression?.addHardBounces) return
  const add = async ({ recipient, attempt, traceId }: RecipientEvent) => {
    try {
      if (!isStoredIn(storage, suppression.list))
        await suppression.list.add(suppressionOf(recipient, attempt))
      context.events.emit('recipient:suppressed', { traceId, recipient, reason: attempt.reason })
    } catch (thrown) {
      reportError(context, 'adding to the suppression list', thrown, traceId)
    }
  }
  context.events.on('recipient:failed', event => {
    if (!event.expired && isHardBounce(event.attempt)) return clock.track(add(event))
    return undefined
  })
}

function isStoredIn(storage: unknown, list: SuppressionList): list is StoredSuppressionList {
  const { storage: its, record } = list as Partial<StoredSuppressionList>
  return its === storage && typeof record === 'function'
}

function suppressionOf(address: string, { reason, endedAt }: AttemptRecord): Suppression {
  return { address, reason, addedAt: endedAt }
}

/** A mailbox that does not exist, moved or is disabled (RFC 3463 §3.2, §3.3); without an enhanced code 550, 551 or 553 to RCPT. */
function isHardBounce({ status, scope, reply }: AttemptRecord): boolean {
  if (status !== 'failed' || scope !== 'recipient' || !reply) return false
  if (reply.enhanced !== undefined) return /^5\.(?:1\.[1236]|1\.10|2\.1)$/.test(reply.enhanced)
  return reply.code === 550 || reply.code === 551 || reply.code === 553
}
