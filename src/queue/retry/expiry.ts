import type { RetryContext, RetryDecision } from './retry-policy.js'

/** When a policy stops. Lengths in milliseconds. */
export interface Expiry {
  /** From queueing to the end. */
  readonly giveUpAfter: number
  /** From queueing to the warning; `false` for none. */
  readonly warnAfter: number | false
  /** How long before the end the last attempt is made. */
  readonly lastAttempt: number
}

/**
 * Fits the next attempt, `delay` from now or later where the other side asked for that, into the time a message has. The last attempt is made shortly before the
 * end, none after it; an attempt that would come just before the last is left out.
 */
export function retryWithin(expiry: Expiry, context: RetryContext, delay: number): RetryDecision {
  const { now, queuedAt } = context
  const lead = Math.min(expiry.lastAttempt, expiry.giveUpAfter / 10)
  const giveUpAt = queuedAt + expiry.giveUpAfter
  const lastAt = giveUpAt - lead
  // A clock that is set back a little during the last attempt must not call for another.
  if (now >= lastAt - Math.min(lead, 1_000)) return { giveUp: true }
  const wanted = now + Math.max(delay, context.outcome.retryAfter ?? 0)
  const retryAt = wanted > lastAt - lead ? lastAt : wanted
  return isLate(expiry, context) ? { retryAt, giveUpAt, warn: true } : { retryAt, giveUpAt }
}

/** Whether the sender is to be told of the delay: once, and never the null sender. */
function isLate({ warnAfter }: Expiry, { warned, sender, now, queuedAt }: RetryContext): boolean {
  return warnAfter !== false && !warned && sender !== '' && now - queuedAt >= warnAfter
}
