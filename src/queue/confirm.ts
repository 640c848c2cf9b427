import { createHash } from 'node:crypto'
import type { EnvelopeRecipient } from '../core/envelope.js'
import { MailError } from '../core/error.js'
import type { MessageSource } from '../message/message-source.js'
import { type AcceptBatch, type AcceptResult, isStoredBlob, type Storage } from '../storage/storage.js'
import { announceQueued } from './announce.js'
import type { Arrival } from './arrival.js'
import { type DsnSubject, type PlannedDsn, planDsn } from './plan-dsn.js'
import { type QueueContext, reportError } from './queue-context.js'

/** What the sender of a message is to hear of it, and of whom. */
export interface Confirmation {
  readonly traceId: string
  readonly dsn: PlannedDsn
  readonly recipients: readonly string[]
}

/**
 * The DSN for the sender of recipients whose mail comes to its end in mailboxes here, where NOTIFY asks for one (RFC 3461
 * §4.1, §6.1), to be stored in the commit that puts it there; `undefined` where nobody is to hear. Those whom an alias
 * leads elsewhere as well are told of by the server there. Never rejects: mail is kept, told of or not.
 */
export async function planConfirmation(
  context: QueueContext,
  arrival: Arrival,
  batch: AcceptBatch,
): Promise<Confirmation | undefined> {
  const recipients = kept(arrival)
  if (recipients.length === 0 || arrival.envelope.sender === '') return undefined
  try {
    const { message } = batch
    const source = isStoredBlob(message) ? await context.settings.storage.blobs.open(message.blob) : message
    if (!source) throw new Error('the message is not at hand')
    const subject = (recipient: EnvelopeRecipient) => subjectOf(arrival, recipient, source, batch.receivedAt)
    const [first, ...rest] = recipients.map(subject)
    if (!first) return undefined
    const dsn = await planDsn(context, 'delivered', [first, ...rest], source)
    const named = recipients.map(({ address }) => address)
    if (!('batch' in dsn)) return { traceId: arrival.traceId, dsn, recipients: named }
    // A message that is handed in again, as the answer was lost, is not told of again.
    const digest = createHash('sha256').update(batch.id).digest('hex')
    const once = { ...dsn.batch, id: `dsn-${digest.slice(0, 32)}` }
    return { traceId: arrival.traceId, dsn: { ...dsn, batch: once }, recipients: named }
  } catch (thrown) {
    reportError(context, 'confirming a delivery', thrown, arrival.traceId)
    return undefined
  }
}

/** Accepts a batch, and with it in one commit, as a settlement that settles nothing, what tells of it. */
export async function acceptWith(
  storage: Storage,
  batch: AcceptBatch,
  news: AcceptBatch | undefined,
): Promise<readonly [AcceptResult, AcceptResult?]> {
  if (!news) return [await storage.accept(batch)]
  const result = await storage.queue.settle({ entries: [], accept: [batch, news] })
  const [accepted, told] = result.settled ? result.accepted : []
  if (!accepted || !told) {
    throw new MailError('DRIVER_CONTRACT', 'settle: got no result for each batch, expected two', {
      temporary: true,
    })
  }
  return [accepted, told]
}

/** Tells of a confirmation that was stored, or that there is none. */
export function announceConfirmation(
  context: QueueContext,
  { traceId, dsn, recipients }: Confirmation,
  accepted: AcceptResult | undefined,
): void {
  if ('suppressed' in dsn) {
    context.events.emit('dsn:suppressed', { traceId, reason: dsn.suppressed, recipients })
    return
  }
  const { kind, to, traceId: dsnTraceId } = dsn
  context.events.emit('dsn:sent', { traceId, dsnTraceId, kind, to, recipients })
  if (accepted) announceQueued(context, dsn.batch, accepted)
}

function kept({ envelope, routes = [] }: Arrival): EnvelopeRecipient[] {
  return envelope.recipients.filter(({ notify }, index) => {
    const route = routes[index]
    return notify?.includes('success') && route?.kind === 'accept' && route.remote.length === 0
  })
}

function subjectOf(
  { envelope: { recipients: _, ...envelope } }: Arrival,
  recipient: EnvelopeRecipient,
  { size }: MessageSource,
  receivedAt: number,
): DsnSubject {
  return {
    entry: { envelope, recipient, queuedAt: receivedAt, size },
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
