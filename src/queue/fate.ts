import { MailError } from '../core/error.js'
import type { AttemptRecord, LeasedEntry } from '../storage/queue-storage.js'
import { type QueueContext, reportError } from './queue-context.js'
import type { ReconsideringRetryPolicy, RetryDecision, RetryPolicy } from './retry/retry-policy.js'

/** What becomes of an entry after an attempt. `dsn`: what its sender is to be told. */
export type Fate =
  | { readonly kind: 'delivered'; readonly dsn?: 'delivered' | 'relayed' }
  | { readonly kind: 'returned'; readonly expired: boolean; readonly dsn?: 'failed' }
  | {
      readonly kind: 'waiting'
      readonly retryAt: number
      readonly giveUpAt?: number
      /** What the next attempt is to keep to. */
      readonly family?: 4 | 6
      /** Its server wants less at once. */
      readonly pace?: 'slow-down'
      readonly dsn?: 'delayed'
    }
  | { readonly kind: 'dead'; readonly problem: string }

/** How long an entry waits when the retry policy fails. */
const withoutPolicy = 15 * 60_000
/** The shortest wait, so that no policy can make the queue spin. */
const shortestWait = 1_000

/**
 * Decides by the outcome, and where it may be repeated by the retry policy. A connection lost after the final dot
 * (*unknown*) waits like any other: repeated at once it would double the mail.
 */
export function decideFate(
  context: QueueContext,
  entry: LeasedEntry,
  attempt: AttemptRecord,
  options: { readonly dsnPassedOn?: boolean; readonly attempts?: number } = {},
): Fate {
  if (attempt.status === 'delivered') {
    // RFC 3461 §5.2.2, §6.2: the next server takes over the duty, or this one says that it ends here.
    const dsn = attempt.final ? 'delivered' : 'relayed'
    const tell = options.dsnPassedOn !== true && wantsDsn(entry, dsn)
    return tell ? { kind: 'delivered', dsn } : { kind: 'delivered' }
  }
  const decision = askPolicy(context, entry, attempt, options.attempts ?? entry.attempts)
  if ('giveUp' in decision) return returned(entry, decision.permanent !== true)
  const { retryAt, giveUpAt, warn, pace, family = nextFamily(entry) } = decision
  const wait = {
    kind: 'waiting',
    retryAt,
    ...(giveUpAt !== undefined && { giveUpAt }),
    ...(family && { family }),
    ...(pace && { pace }),
  } as const
  return warn && !entry.warned && wantsDsn(entry, 'delayed') ? { ...wait, dsn: 'delayed' } : wait
}

function returned(entry: LeasedEntry, expired: boolean): Fate {
  return wantsDsn(entry, 'failed')
    ? { kind: 'returned', expired, dsn: 'failed' }
    : { kind: 'returned', expired }
}

/** The family of addresses that an earlier decision keeps an entry to. */
export function nextFamily({ history }: LeasedEntry): 4 | 6 | undefined {
  return history.at(-1)?.nextFamily
}

const conditions = { failed: 'failure', delayed: 'delay', relayed: 'success', delivered: 'success' } as const

/**
 * Whether the sender is to be told (RFC 3461 §4.1): without NOTIFY of failures and delays. A null sender never hears of
 * anything, but a failure goes the way of a bounce all the same, so that it shows as `dsn:suppressed`.
 */
function wantsDsn({ envelope, recipient }: LeasedEntry, kind: keyof typeof conditions): boolean {
  if (envelope.sender === '') return kind === 'failed'
  if (!recipient.notify) return kind === 'failed' || kind === 'delayed'
  return recipient.notify.includes(conditions[kind])
}

function askPolicy(
  context: QueueContext,
  entry: LeasedEntry,
  outcome: AttemptRecord,
  attempt: number,
): RetryDecision {
  const { retry, random } = context.settings
  const now = outcome.endedAt
  const { queuedAt, destination, warned, traceId } = entry
  const [sender, recipient] = [entry.envelope.sender, entry.recipient.address]
  try {
    const family = nextFamily(entry)
    const known = { attempt, queuedAt, now, outcome, sender, recipient, destination, warned }
    const question = { ...known, ...(family && { family }), random: random() }
    if (outcome.status !== 'failed') return checkDecision(retry(question), now)
    const decision = isReconsidering(retry) ? retry.reconsider(question) : undefined
    return decision ? checkDecision(decision, now) : refused
  } catch (thrown) {
    reportError(context, 'asking the retry policy', thrown, traceId)
    return outcome.status === 'failed' ? refused : { retryAt: now + withoutPolicy }
  }
}

const refused: RetryDecision = { giveUp: true, permanent: true }

function isReconsidering(policy: RetryPolicy): policy is ReconsideringRetryPolicy {
  return typeof (policy as Partial<ReconsideringRetryPolicy>).reconsider === 'function'
}

function checkDecision(decision: RetryDecision, now: number): RetryDecision {
  if ('giveUp' in decision && decision.giveUp === true) return decision
  if (!('retryAt' in decision) || !isInstant(decision.retryAt)) {
    const got = JSON.stringify(decision)
    throw new MailError(
      'DRIVER_CONTRACT',
      `retry: got ${got}, expected { retryAt: epoch milliseconds } or { giveUp: true }`,
    )
  }
  return { ...decision, retryAt: Math.max(Math.ceil(decision.retryAt), now + shortestWait) }
}

/** A `Date` is none, though it counts as one. */
function isInstant(instant: unknown): boolean {
  return typeof instant === 'number' && Number.isSafeInteger(Math.ceil(instant))
}
