import type { AcceptBatch, AcceptResult } from '../storage/storage.js'
import { attemptsMade } from './attempts-made.js'
import type { RecipientEvent } from './events.js'
import type { Outcome, PlannedDsn } from './plan-dsn.js'
import type { QueueContext } from './queue-context.js'

/** A DSN that was stored, and what the storage made of it. */
export interface StoredDsn {
  readonly dsn: Extract<PlannedDsn, { batch: AcceptBatch }>
  readonly accepted: AcceptResult | undefined
}

/** Tells of outcomes, and the DSN stored with them, once they are settled. */
export function announceOutcomes(
  context: QueueContext,
  outcomes: readonly Outcome[],
  stored?: StoredDsn,
): void {
  for (const outcome of outcomes) announceOutcome(context, outcome)
  const traceId = outcomes[0]?.entry.traceId
  if (!stored || traceId === undefined) return
  const { dsn, accepted } = stored
  context.events.emit('dsn:sent', {
    traceId,
    dsnTraceId: dsn.traceId,
    kind: dsn.kind,
    to: dsn.to,
    recipients: addresses(outcomes),
  })
  if (accepted) announceQueued(context, dsn.batch, accepted)
}

/** Tells that nobody is told of outcomes. */
export function announceSuppressed(
  context: QueueContext,
  reason: string,
  outcomes: readonly Outcome[],
): void {
  const traceId = outcomes[0]?.entry.traceId
  if (traceId === undefined) return
  const recipients = addresses(outcomes)
  context.logger.warn({ traceId, recipients, reason }, 'a DSN was suppressed')
  context.events.emit('dsn:suppressed', { traceId, reason, recipients })
}

/** Tells of a batch that was stored, where some of it is for other servers. */
export function announceQueued(context: QueueContext, batch: AcceptBatch, accepted: AcceptResult): void {
  const { queued } = batch
  if (!queued || accepted.entries.length === 0) return
  const { traceId, envelope } = queued
  context.logger.debug({ traceId, entries: accepted.entries.length }, 'queued')
  if (!context.events.has('message:queued')) return
  context.events.emit('message:queued', {
    traceId,
    sender: envelope.sender,
    entries: accepted.entries,
    recipients: queued.recipients.map(recipient => recipient.address),
  })
}

function announceOutcome({ events, logger }: QueueContext, outcome: Outcome): void {
  const { entry, attempt, fate } = outcome
  const { traceId, id, envelope, recipient, destination, queuedAt } = entry
  const event: RecipientEvent = {
    traceId,
    entry: id,
    sender: envelope.sender,
    recipient: recipient.address,
    destination,
    attempt,
    ...attemptsMade(outcome),
    queuedAt,
  }
  const { status, reason, host } = attempt
  logger.info({ traceId, entry: id, recipient: recipient.address, status, host, reason }, fate.kind)
  if (fate.kind === 'delivered') events.emit('recipient:delivered', event)
  else if (fate.kind === 'returned') events.emit('recipient:failed', { ...event, expired: fate.expired })
  else if (fate.kind === 'dead') events.emit('entry:dead', { traceId, entry: id, problem: fate.problem })
  else {
    const name = status === 'unknown' ? 'recipient:unknown' : 'recipient:deferred'
    events.emit(name, { ...event, retryAt: fate.retryAt })
  }
}

function addresses(outcomes: readonly Outcome[]): string[] {
  return outcomes.map(({ entry }) => entry.recipient.address)
}
