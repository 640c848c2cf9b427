import { MailError } from '../core/error.js'
import { newTraceId } from '../core/trace.js'
import type { MessageSource } from '../message/message-source.js'
import { bytesSource } from '../message/sources.js'
import { planBatch } from '../routing/plan-batch.js'
import type { Route } from '../routing/router.js'
import { describeReply } from '../smtp/reply.js'
import { type CheckedMessage, checkMessage } from './check-message.js'
import type { DeliveryQueue } from './delivery-queue.js'
import { inspectMessage } from './inspect-message.js'
import type { OutgoingMessage, SentMessage } from './outgoing-message.js'
import type { QueueContext } from './queue-context.js'
import { type GivenEnvelope, readEnvelope } from './read-envelope.js'

/**
 * Sends a message of the app: checks it, composes it where it is not raw, routes each recipient, and stores it with all
 * of them or not at all.
 * @throws MailError `MESSAGE_INVALID`, `ADDRESS_INVALID`, `RELAY_DENIED`, and what the router and the storage throw.
 */
export async function sendMessage(
  context: QueueContext,
  given: OutgoingMessage,
  queue: Pick<DeliveryQueue, 'accept'>,
): Promise<SentMessage> {
  const { hostname, clock } = context.settings
  const traceId = newTraceId()
  const receivedAt = clock.now()
  const stamp = { messageId: `<${traceId}@${hostname}>`, now: receivedAt }
  const { message, envelope: givenEnvelope } = await readMessage(checkMessage(given), stamp)
  const traits = await inspectMessage(message)
  const envelope = readEnvelope(givenEnvelope, traits)
  const routes = await Promise.all(envelope.recipients.map(({ address }) => route(context, address)))
  const id = `sent-${traceId}`
  const accepted = await queue.accept(planBatch({ id, traceId, envelope, routes, message, receivedAt }), {
    traceId,
    envelope,
    ours: true,
    routes,
  })
  return {
    traceId,
    ...(traits.messageId !== undefined && { messageId: traits.messageId }),
    entries: accepted.entries,
    copies: accepted.copies.length,
  }
}

async function readMessage(
  checked: CheckedMessage,
  stamp: { readonly messageId: string; readonly now: number },
): Promise<{ message: MessageSource; envelope: GivenEnvelope }> {
  if ('raw' in checked) return { message: rawSource(checked.raw), envelope: checked.envelope }
  // Loaded at the first message that is composed: most hosts, and most tests, only take mail in.
  const { composeMessage, readAddressees } = await import('./compose-message.js')
  const addressees = readAddressees(checked)
  const { from, to, cc, bcc } = addressees
  const [author] = from
  if (!author) throw new MailError('MESSAGE_INVALID', 'send: from: got nothing, expected a mailbox')
  const recipients = [...to, ...cc, ...bcc].map(mailbox => mailbox.address)
  if (!checked.envelope && recipients.length === 0) {
    throw new MailError('MESSAGE_INVALID', 'send: to: got nobody, expected a recipient in to, cc or bcc')
  }
  return {
    message: bytesSource(await composeMessage(checked, addressees, stamp)),
    envelope: checked.envelope ?? { sender: author.address, recipients },
  }
}

/** Bytes of the app are copied: it may go on using its buffer. */
function rawSource(raw: MessageSource | Uint8Array | string): MessageSource {
  if (typeof raw === 'string') return bytesSource(raw)
  return raw instanceof Uint8Array ? bytesSource(Buffer.from(raw)) : raw
}

async function route(context: QueueContext, recipient: string): Promise<Route> {
  const found = await context.router?.route(recipient)
  if (!found) return { kind: 'accept', local: [], remote: [recipient], relay: true }
  if (found.kind === 'accept') return found
  if (found.kind !== 'reject') {
    throw new MailError('DRIVER_CONTRACT', 'send: router: answered with something that is no route', {
      temporary: true,
    })
  }
  const message = `send: recipient ${JSON.stringify(recipient)}: ${describeReply(found.reply)}`
  const temporary = found.reply.code < 500
  throw new MailError('RELAY_DENIED', message, { reply: found.reply, temporary })
}
