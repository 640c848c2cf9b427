import { addressKey, parseAddress } from '../core/address.js'
import type { DsnCondition, Envelope, EnvelopeRecipient } from '../core/envelope.js'
import { MailError } from '../core/error.js'
import { formatReturnPath } from '../message/received.js'
import type { LocalCopy } from '../storage/mail-storage.js'
import type { QueuedMessage, QueuedRecipient } from '../storage/queue-storage.js'
import type { AcceptBatch } from '../storage/storage.js'
import type { LocalTarget, Route } from './router.js'

type AcceptingRoute = Extract<Route, { kind: 'accept' }>

/** What {@link planBatch} makes a batch of. */
export interface PlanRequest {
  /** Idempotency key of the batch. */
  readonly id: string
  readonly traceId: string
  readonly envelope: Envelope
  /** One for each of the envelope's recipients, in their order; every one accepts. */
  readonly routes: readonly Route[]
  readonly message: AcceptBatch['message']
  /** Epoch milliseconds. */
  readonly receivedAt: number
  /** Account id of the user who submitted it with authentication. */
  readonly submitter?: string
}

/**
 * What to store for a message whose recipients were routed: one copy for each mailbox and one queue entry for each
 * address at another server, however many recipients and aliases lead there.
 *
 * A copy starts with its `Return-Path:` (RFC 5321 §4.4). A recipient that an alias sends elsewhere keeps its NOTIFY,
 * and its ORCPT or, without one, the address it was written to (RFC 3461 §5.2.1). Where there are several such addresses,
 * each NOTIFY is without SUCCESS.
 * @throws MailError `MESSAGE_INVALID` when a route is missing or does not accept.
 */
export function planBatch(request: PlanRequest): AcceptBatch {
  const { id, message, receivedAt, envelope } = request
  const prefix = Buffer.from(formatReturnPath(envelope.sender))
  const copy = ({ account, mailbox }: LocalTarget): LocalCopy => ({
    account,
    mailbox,
    internalDate: receivedAt,
    prefix,
  })
  const only = onlyTarget(request)
  if (only) return { id, message, receivedAt, copies: [copy(only)] }
  const copies = new Map<string, LocalCopy>()
  const queued = new Map<string, QueuedRecipient>()
  envelope.recipients.forEach((recipient, index) => {
    const route = acceptingRoute(request, recipient, index)
    for (const target of route.local) copies.set(targetKey(target), copy(target))
    for (const remote of route.remote) {
      const address = parseAddress(remote)
      const key = addressKey(address)
      const entry: QueuedRecipient = {
        ...forwarded(recipient, route),
        address: remote,
        destination: address.domain,
        dueAt: receivedAt,
      }
      queued.set(key, merged(queued.get(key), entry))
    }
  })
  const batch = { id, message, receivedAt, copies: [...copies.values()] }
  return queued.size === 0 ? batch : { ...batch, queued: queuedMessage(request, [...queued.values()]) }
}

/** The one mailbox of a message that goes nowhere else, as most do. */
function onlyTarget({ routes, envelope }: PlanRequest): LocalTarget | undefined {
  const [route] = routes
  const alone = envelope.recipients.length === 1 && route?.kind === 'accept'
  return alone && route.local.length === 1 && route.remote.length === 0 ? route.local[0] : undefined
}

/** Tells mailboxes apart. */
export function targetKey(target: LocalTarget): string {
  return `${target.account.length}:${target.account}${target.mailbox}`
}

function acceptingRoute(request: PlanRequest, recipient: EnvelopeRecipient, index: number) {
  const route = request.routes[index]
  if (route?.kind === 'accept') return route
  throw new MailError(
    'MESSAGE_INVALID',
    `planBatch: routes.${index}: got ${route ? 'a refusal' : 'nothing'} for ${recipient.address}, expected a route that accepts`,
  )
}

function queuedMessage(request: PlanRequest, recipients: QueuedRecipient[]): QueuedMessage {
  const { recipients: _, ...envelope } = request.envelope
  const { traceId, submitter } = request
  return { traceId, envelope, recipients, ...(submitter === undefined ? {} : { submitter }) }
}

/** What a recipient's DSN parameters are at the next server. */
function forwarded(recipient: EnvelopeRecipient, route: AcceptingRoute): EnvelopeRecipient {
  if (route.relay) return recipient
  const { address, originalRecipient = originOf(address), notify } = recipient
  if (!expands(route) || !notify?.includes('success')) return { ...recipient, originalRecipient }
  const left = notify.filter(condition => condition !== 'success')
  return { ...recipient, originalRecipient, notify: left.length > 0 ? left : ['never'] }
}

/**
 * Whether a recipient stands for several addresses elsewhere. Its sender is told that it was expanded, not of success
 * at each of them (RFC 3461 §5.2.7.3).
 */
export function expands({ remote }: AcceptingRoute): boolean {
  return remote.length > 1
}

/** The address as ORCPT names it: `rfc822`, or `utf-8` where it is not ASCII (RFC 6533 §3). */
function originOf(address: string): string {
  return `${/^[\u0000-\u007f]*$/.test(address) ? 'rfc822' : 'utf-8'};${address}`
}

/** One entry for two recipients that end at the same address; whoever asked to hear of it still does. */
function merged(first: QueuedRecipient | undefined, second: QueuedRecipient): QueuedRecipient {
  if (!first) return second
  const { notify: _, ...entry } = first
  const notify = mergedNotify(first.notify, second.notify)
  return notify ? { ...entry, notify } : entry
}

/** Without NOTIFY a sender hears of failures, and of delays where the server sends that (RFC 3461 §4.1). */
const notifyByDefault: readonly DsnCondition[] = ['failure', 'delay']

function mergedNotify(
  first: readonly DsnCondition[] | undefined,
  second: readonly DsnCondition[] | undefined,
): readonly DsnCondition[] | undefined {
  if (!first && !second) return undefined
  const asked = new Set([...(first ?? notifyByDefault), ...(second ?? notifyByDefault)])
  if (asked.size > 1) asked.delete('never')
  return [...asked]
}
