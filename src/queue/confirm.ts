import type { Envelope, EnvelopeRecipient } from '../core/envelope.js'
import type { MessageSource } from '../message/message-source.js'
import type { Route } from '../routing/router.js'
import type { AcceptBatch, AcceptResult } from '../storage/storage.js'
import { type DsnSubject, planDsn } from './plan-dsn.js'
import { type QueueContext, reportError } from './queue-context.js'

/** A message that was stored, and where the mail for each of its recipients went. */
export interface StoredDelivery {
  readonly traceId: string
  readonly envelope: Envelope
  /** One for each of the envelope's recipients, in their order. */
  readonly routes: readonly Route[]
  /** The message; its header is enough. */
  readonly message: MessageSource
  /** Epoch milliseconds. */
  readonly receivedAt: number
}

/**
 * Tells the sender of recipients whose mail has come to its end in mailboxes here, where NOTIFY asks for that (RFC 3461
 * §4.1, §6.1). Those whom an alias leads elsewhere as well are told of by the server there. Never rejects.
 */
export async function confirmDelivery(
  context: QueueContext,
  delivery: StoredDelivery,
  accept: (batch: AcceptBatch) => Promise<AcceptResult>,
): Promise<void> {
  const [first, ...rest] = delivered(delivery).map(recipient => subjectOf(delivery, recipient))
  if (!first || delivery.envelope.sender === '') return
  const { traceId, message } = delivery
  const recipients = [first, ...rest].map(({ entry }) => entry.recipient.address)
  try {
    const dsn = await planDsn(context, 'delivered', [first, ...rest], message)
    if ('suppressed' in dsn) {
      context.events.emit('dsn:suppressed', { traceId, reason: dsn.suppressed, recipients })
      return
    }
    await accept(dsn.batch)
    const { kind, to } = dsn
    context.events.emit('dsn:sent', { traceId, dsnTraceId: dsn.traceId, kind, to, recipients })
  } catch (thrown) {
    reportError(context, 'confirming a delivery', thrown, traceId)
  }
}

function delivered({ envelope, routes }: StoredDelivery): EnvelopeRecipient[] {
  return envelope.recipients.filter(({ notify }, index) => {
    const route = routes[index]
    return notify?.includes('success') && route?.kind === 'accept' && route.remote.length === 0
  })
}

function subjectOf(
  { envelope, message, receivedAt }: StoredDelivery,
  recipient: EnvelopeRecipient,
): DsnSubject {
  const { recipients: _, ...rest } = envelope
  return {
    entry: {
      envelope: rest,
      recipient,
      queuedAt: receivedAt,
      size: message.size,
    },
    attempt: {
      startedAt: receivedAt,
      endedAt: receivedAt,
      status: 'delivered',
      scope: 'local',
      enhanced: '2.1.5',
      reason: 'kept in the mailbox',
    },
    fate: { kind: 'delivered' },
  }
}
