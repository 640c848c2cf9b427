import { needsSmtpUtf8, tryParseAddress } from '../core/address.js'
import { MailError } from '../core/error.js'
import { newTraceId } from '../core/trace.js'
import { composeDsn } from '../dsn/compose-dsn.js'
import type { DsnKind, DsnRecipient } from '../dsn/dsn.js'
import { readHeader } from '../message/header.js'
import type { MessageSource } from '../message/message-source.js'
import { parseParameterized } from '../message/mime-parameters.js'
import { planBatch } from '../routing/plan-batch.js'
import type { Route } from '../routing/router.js'
import { describeReply } from '../smtp/reply.js'
import type { AttemptRecord, QueueEntry } from '../storage/queue-storage.js'
import type { AcceptBatch } from '../storage/storage.js'
import type { Fate } from './fate.js'
import type { QueueContext } from './queue-context.js'
import { signMessage } from './sign-message.js'

/** An entry whose attempt has ended. */
export interface Outcome<F extends Fate = Fate> {
  readonly entry: QueueEntry
  readonly attempt: AttemptRecord
  readonly fate: F
  /** Nothing was dialled: the attempt is not counted, and its record is not kept. */
  readonly untried?: boolean
}

/** What a DSN needs to know of a recipient's message and of what became of it. */
export interface DsnSubject {
  readonly entry: Pick<QueueEntry, 'envelope' | 'recipient' | 'queuedAt' | 'size'>
  readonly attempt: AttemptRecord
  readonly fate: Fate
}

/** A DSN ready to be stored with the commit that settles its recipients, or why there is none. */
export type PlannedDsn =
  | { readonly kind: DsnKind; readonly to: string; readonly traceId: string; readonly batch: AcceptBatch }
  | { readonly suppressed: string }

/** Up to this size a message returns whole to a sender who asked for nothing (RFC 3461 §4.3 leaves it open). */
const largestReturned = 64 * 1024

/**
 * Composes one DSN for some recipients of one message, and routes it to the sender, into a mailbox here or to another
 * server. It has the null sender and asks for no notification itself, so nothing ever answers it (RFC 3461 §6.1,
 * RFC 5321 §6.1).
 * @throws whatever the router throws, and when it rejects the sender for now: the DSN is then still owed.
 */
export async function planDsn(
  context: QueueContext,
  kind: DsnKind,
  outcomes: readonly [DsnSubject, ...DsnSubject[]],
  message: MessageSource,
): Promise<PlannedDsn> {
  const { entry } = outcomes[0]
  const to = entry.envelope.sender
  if (to === '') return { suppressed: 'the message is from the null sender, it is a bounce itself' }
  const address = tryParseAddress(to)
  if (!address) return { suppressed: 'the sender is no address that could be written to' }
  if (await isReport(message)) return { suppressed: 'the message is a delivery report itself' }
  const route = await routeSender(context, to)
  if (route.kind === 'reject') {
    if (route.reply.code >= 500) return { suppressed: 'the sender does not exist here' }
    throw new MailError('RELAY_DENIED', `the sender: ${describeReply(route.reply)}`, { temporary: true })
  }

  const { clock, hostname } = context.settings
  const traceId = newTraceId()
  const now = clock.now()
  const smtputf8 = entry.envelope.smtputf8 === true || needsSmtpUtf8(address)
  const dsn = await composeDsn({
    kind,
    hostname,
    to,
    traceId,
    now,
    arrivedAt: entry.queuedAt,
    ...(entry.envelope.envid !== undefined && { envid: entry.envelope.envid }),
    ret: returnedPart(entry),
    recipients: outcomes.map(describeRecipient),
    message,
    smtputf8,
  })
  const envelope = {
    sender: '',
    recipients: [{ address: to, notify: ['never'] as const }],
    ...((smtputf8 || is8bit(entry)) && { body: '8bitmime' as const }),
    ...(smtputf8 && { smtputf8 }),
    // RFC 8689 §5: it holds the header of the message.
    ...(entry.envelope.requireTls && { requireTls: true }),
  }
  const batch = planBatch({
    id: `dsn-${traceId}`,
    traceId,
    envelope,
    routes: [route],
    message:
      route.remote.length > 0 ? await signMessage(context, dsn, { traceId, envelope, ours: true }) : dsn,
    receivedAt: now,
  })
  return { kind, to, traceId, batch }
}

/** Whether a message tells of a delivery, from whatever sender: its failure is answered by nothing (RFC 3834 §2). */
async function isReport(message: MessageSource): Promise<boolean> {
  const type = (await readHeader(message)).get('content-type')?.value ?? ''
  const { value, parameters } = parseParameterized(type)
  return value === 'multipart/report' && /delivery-status$/i.test(parameters.get('report-type') ?? '')
}

function is8bit({ envelope }: DsnSubject['entry']): boolean {
  return envelope.body !== undefined && envelope.body !== '7bit'
}

/** A message that had to be kept encrypted on its way returns without its body (RFC 8689 §5). */
function returnedPart({ envelope, size }: DsnSubject['entry']): 'full' | 'hdrs' {
  if (envelope.requireTls) return 'hdrs'
  return envelope.ret ?? (size <= largestReturned ? 'full' : 'hdrs')
}

function describeRecipient({ entry, attempt, fate }: DsnSubject): DsnRecipient {
  const { recipient } = entry
  if (fate.kind === 'returned') return { recipient, attempt, expired: fate.expired }
  if (fate.kind === 'waiting' && fate.giveUpAt !== undefined) {
    return { recipient, attempt, willRetryUntil: fate.giveUpAt }
  }
  return { recipient, attempt }
}

async function routeSender(context: QueueContext, sender: string): Promise<Route> {
  const everywhereElse: Route = { kind: 'accept', local: [], remote: [sender], relay: true }
  if (!context.router) return everywhereElse
  try {
    return await context.router.route(sender)
  } catch (thrown) {
    const isNoAddress = thrown instanceof MailError && thrown.code === 'ADDRESS_INVALID'
    if (isNoAddress)
      return { kind: 'reject', reply: { code: 553, enhanced: '5.1.7', text: 'No such address' } }
    throw thrown
  }
}
