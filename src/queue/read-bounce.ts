import { tryParseAddress } from '../core/address.js'
import { parseDsn } from '../dsn/parse-dsn.js'
import type { AcceptBatch } from '../storage/storage.js'
import type { Arrival } from './arrival.js'
import type { DeliveryQueueEvents } from './events.js'
import { messageOf } from './message-of.js'
import type { QueueContext } from './queue-context.js'

/** What the app is told of a bounce. */
export type ReceivedBounce = DeliveryQueueEvents['bounce:received']

/**
 * The bounces in a message from the null sender: one for each of its recipients that is a signed return address of ours,
 * whatever it says, and for each other one where it is a delivery status notification. Reads the message only when
 * somebody listens.
 */
export async function readBounces(
  context: QueueContext,
  batch: AcceptBatch,
  { traceId, envelope }: Arrival,
): Promise<readonly ReceivedBounce[]> {
  if (envelope.sender !== '' || !context.events.has('bounce:received')) return []
  const { verp, clock } = context.settings
  const dsn = await parseDsn(await messageOf(context, batch))
  return envelope.recipients.flatMap(({ address }) => {
    const parsed = tryParseAddress(address)
    const signed = parsed && verp?.decode(parsed, clock.now())
    if (!dsn && !signed) return []
    return [
      {
        traceId,
        to: address,
        sender: signed?.sender ?? address,
        verified: signed !== undefined,
        ...(signed?.recipient !== undefined && { recipient: signed.recipient }),
        ...(dsn && { dsn }),
      },
    ]
  })
}
