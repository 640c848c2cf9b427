import type { Envelope } from '../core/envelope.js'
import { describeError, MailError } from '../core/error.js'
import type { MessageSource } from '../message/message-source.js'
import { bytesSource, concatSources } from '../message/sources.js'
import { replies } from '../smtp/reply.js'
import type { AcceptBatch } from '../storage/storage.js'
import type { Arrival } from './arrival.js'
import { messageOf } from './message-of.js'
import type { QueueContext } from './queue-context.js'

/** A batch whose message is signed, where any of it leaves. @throws MailError `HANDLER_FAILED`, temporary. */
export async function signBatch(
  context: QueueContext,
  batch: AcceptBatch,
  arrival: Arrival,
): Promise<AcceptBatch> {
  if (context.settings.sign.length === 0 || !batch.queued) return batch
  return { ...batch, message: await signMessage(context, await messageOf(context, batch), arrival) }
}

/** A message with what the signers put on top, one above the other. @throws MailError `HANDLER_FAILED`, temporary. */
export async function signMessage(
  context: QueueContext,
  message: MessageSource,
  {
    traceId,
    envelope,
    ours,
  }: { readonly traceId: string; readonly envelope: Envelope; readonly ours: boolean },
): Promise<MessageSource> {
  const { sign, clock } = context.settings
  let signed = message
  try {
    for (const signer of sign) {
      const fields = await signer.sign(signed, { traceId, envelope, ours, now: clock.now() })
      if (fields !== '') signed = concatSources([bytesSource(Buffer.from(fields, 'latin1')), signed])
    }
  } catch (thrown) {
    throw new MailError('HANDLER_FAILED', `sign: ${describeError(thrown)}`, {
      temporary: true,
      reply: replies.localError,
      cause: thrown,
    })
  }
  return signed
}
