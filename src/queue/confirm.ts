import { createHash } from 'node:crypto'
import type { EnvelopeRecipient } from '../core/envelope.js'
import { MailError } from '../core/error.js'
import type { MessageSource } from '../message/message-source.js'
import { expands } from '../routing/plan-batch.js'
import type { AcceptBatch, AcceptResult, Storage } from '../storage/storage.js'
import { announceQueued } from './announce.js'
import type { Arrival } from './arrival.js'
import { messageOf } from './message-of.js'
import { type DsnSubject, type PlannedDsn, planDsn } from './plan-dsn.js'
import { type QueueContext, reportError } from './queue-context.js'

/** What the sender of a message is to hear of it, and of whom. */
export interface Confirmation {
  readonly traceId: string
  readonly dsn: PlannedDsn
  readonly recipients: readonly string[]
}

type Kind = 'delivered' | 'expanded'

const kinds: readonly Kind[] = ['delivered', 'expanded']

/**
 * The DSNs for the sender of recipients whose way ends here, where NOTIFY asks for that (RFC 3461 §4.1, §6.1): in
 * mailboxes, or as an alias of several addresses elsewhere. They are to be stored in the commit that accepts the mail. The
 * one address elsewhere that an alias has is told of by the server there. Never rejects: mail is kept, told of or not.
 */
export async function planConfirmations(
  context: QueueContext,
  arrival: Arrival,
  batch: AcceptBatch,
): Promise<readonly Confirmation[]> {
  const confirmations: Confirmation[] = []
  if (arrival.envelope.sender === '') return confirmations
  for (const kind of kinds) {
    const [first, ...rest] = ending(arrival, kind)
    if (!first) continue
    try {
      confirmations.push(await confirm(context, arrival, batch, kind, [first, ...rest]))
    } catch (thrown) {
      reportError(context, 'confirming a delivery', thrown, arrival.traceId)
    }
  }
  return confirmations
}

async function confirm(
  context: QueueContext,
  arrival: Arrival,
  batch: AcceptBatch,
  kind: Kind,
  recipients: readonly [EnvelopeRecipient, ...EnvelopeRecipient[]],
): Promise<Confirmation> {
  const source = await messageOf(context, batch)
  const subject = (recipient: EnvelopeRecipient) =>
    subjectOf(arrival, recipient, source, batch.receivedAt, kind)
  const [first, ...rest] = recipients
  const dsn = await planDsn(context, kind, [subject(first), ...rest.map(subject)], source)
  const told = { traceId: arrival.traceId, recipients: recipients.map(({ address }) => address) }
  if (!('batch' in dsn)) return { ...told, dsn }
  // A message that is handed in again, as the answer was lost, is not told of again.
  const digest = createHash('sha256').update(`${kind} ${batch.id}`).digest('hex')
  return { ...told, dsn: { ...dsn, batch: { ...dsn.batch, id: `dsn-${digest.slice(0, 32)}` } } }
}

/** Accepts a batch, and with it in one commit, as a settlement that settles nothing, what tells of it. */
export async function acceptWith(
  storage: Storage,
  batch: AcceptBatch,
  confirmations: readonly Confirmation[],
): Promise<readonly [AcceptResult, ...AcceptResult[]]> {
  const news = confirmations.flatMap(({ dsn }) => ('batch' in dsn ? dsn.batch : []))
  if (news.length === 0) return [await storage.accept(batch)]
  const result = await storage.queue.settle({ entries: [], accept: [batch, ...news] })
  const [accepted, ...told] = result.settled ? result.accepted : []
  if (!accepted || told.length !== news.length) {
    throw new MailError('DRIVER_CONTRACT', 'settle: got no result for each batch, expected one', {
      temporary: true,
    })
  }
  return [accepted, ...told]
}

/** Tells of confirmations that were stored, of which `accepted` has the results, and of those that there are not. */
export function announceConfirmations(
  context: QueueContext,
  confirmations: readonly Confirmation[],
  accepted: readonly AcceptResult[],
): void {
  const results = [...accepted]
  for (const confirmation of confirmations) {
    announce(context, confirmation, 'batch' in confirmation.dsn ? results.shift() : undefined)
  }
}

function announce(
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

/** The recipients that ask for news of success, and whose way ends here so. */
function ending({ envelope, routes = [] }: Arrival, kind: Kind): EnvelopeRecipient[] {
  return envelope.recipients.filter(({ notify }, index) => {
    const route = routes[index]
    if (!notify?.includes('success') || route?.kind !== 'accept') return false
    return kind === 'expanded' ? expands(route) : route.remote.length === 0
  })
}

const reasons: Readonly<Record<Kind, string>> = {
  delivered: 'kept in the mailbox',
  expanded: 'sent on to the addresses it stands for',
}

function subjectOf(
  { envelope: { recipients: _, ...envelope } }: Arrival,
  recipient: EnvelopeRecipient,
  { size }: MessageSource,
  receivedAt: number,
  kind: Kind,
): DsnSubject {
  return {
    entry: { envelope, recipient, queuedAt: receivedAt, size },
    attempt: {
      startedAt: receivedAt,
      endedAt: receivedAt,
      status: 'delivered',
      scope: 'local',
      enhanced: '2.1.5',
      reason: reasons[kind],
    },
    fate: { kind: 'delivered' },
  }
}
