import { describeError } from '../core/error.js'
import { escapeControls } from '../core/logger.js'
import type { Reply } from '../core/reply.js'
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

/**
 * What is kept of an outcome: what the contract has, each in its type. What a transport of others adds, or has wrong, could
 * not be stored, and the message would be delivered again.
 */
export function recordOutcome(outcome: RecipientOutcome, span: Span): AttemptRecord {
  const { status, scope, reason, retryAfter, final } = outcome
  const reply = readReply(outcome.reply)
  return {
    status,
    scope,
    ...readTexts(outcome),
    ...(reply && { reply }),
    ...(typeof final === 'boolean' && { final }),
    ...(Number.isFinite(retryAfter) && { retryAfter }),
    ...span,
    reason: cleanReason(reason),
  }
}

const textual = ['host', 'address', 'enhanced', 'command', 'tls', 'tlsRule', 'tlsVerified'] as const

function readTexts(outcome: RecipientOutcome): Pick<AttemptRecord, (typeof textual)[number]> {
  const names = textual.filter(name => typeof outcome[name] === 'string')
  return Object.fromEntries(names.map(name => [name, outcome[name]]))
}

function readReply(reply: Partial<Reply> | undefined): Reply | undefined {
  const { code, enhanced, text } = reply ?? {}
  const isText =
    typeof text === 'string' || (Array.isArray(text) && text.every(line => typeof line === 'string'))
  if (typeof code !== 'number' || !Number.isInteger(code) || !isText) return undefined
  return { code, ...(typeof enhanced === 'string' && { enhanced }), text }
}

/** The record of an attempt that failed for now on this side of the wire. */
export function deferredHere(reason: string, span: Span): AttemptRecord {
  return { ...span, status: 'deferred', scope: 'local', reason: cleanReason(reason) }
}

/** What a thrown thing says, fit to be kept. */
export function cleanReason(thrown: unknown): string {
  return escapeControls(describeError(thrown).slice(0, longestReason))
}
