import { describeError } from '../core/error.js'
import { escapeControls } from '../core/logger.js'
import type { RecipientOutcome } from '../delivery/transport.js'
import type { AttemptRecord } from '../storage/queue-storage.js'

/** When an attempt began and ended, in epoch milliseconds. */
export interface Span {
  readonly startedAt: number
  readonly endedAt: number
}

const statuses: ReadonlySet<unknown> = new Set(['delivered', 'deferred', 'failed', 'unknown'])
const scopes: ReadonlySet<unknown> = new Set(['host', 'message', 'recipient', 'local'])
const longestReason = 2_000

/**
 * The outcomes of a transport by recipient. What its contract does not allow is left out, so that the recipient is
 * deferred.
 */
export function readOutcomes(outcomes: unknown): Map<string, RecipientOutcome> {
  const byRecipient = new Map<string, RecipientOutcome>()
  if (!Array.isArray(outcomes)) return byRecipient
  for (const outcome of outcomes) if (isOutcome(outcome)) byRecipient.set(outcome.recipient, outcome)
  return byRecipient
}

function isOutcome(value: unknown): value is RecipientOutcome {
  if (typeof value !== 'object' || value === null) return false
  const { recipient, status, scope, reason } = value as Partial<RecipientOutcome>
  return (
    typeof recipient === 'string' && statuses.has(status) && scopes.has(scope) && typeof reason === 'string'
  )
}

/** What is kept of an outcome. */
export function recordOutcome(outcome: RecipientOutcome, span: Span): AttemptRecord {
  const { recipient: _, dsnPassedOn: __, ...facts } = outcome
  return { ...facts, ...span, reason: cleanReason(outcome.reason) }
}

/** The record of an attempt that failed for now on this side of the wire. */
export function deferredHere(reason: string, span: Span): AttemptRecord {
  return { ...span, status: 'deferred', scope: 'local', reason: cleanReason(reason) }
}

/** What a thrown thing says, fit to be kept. */
export function cleanReason(thrown: unknown): string {
  return escapeControls(describeError(thrown).slice(0, longestReason))
}
