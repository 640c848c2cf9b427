import { parseOptions } from '../../core/options.js'
import { retryWithin } from './expiry.js'
import { type ExponentialBackoffOptions, exponentialBackoffSchema } from './options.js'
import type { RetryPolicy } from './retry-policy.js'

/**
 * The default policy: waits grow by a factor up to a limit (RFC 5321 §4.5.4.1 asks for at least half an hour after
 * the first attempts, and for 4 to 5 days where a message must not come back early: {@link fiveDays}).
 *
 * Left as it is, it tries at 0:00, 0:15, 0:38, 1:11, 2:02, 3:18, 5:12 and every two hours from there, a last time
 * after 29:55, give or take the jitter, and gives up then.
 * @throws MailError `OPTION_INVALID`.
 */
export function exponentialBackoff(options: ExponentialBackoffOptions = {}): RetryPolicy {
  const settings = parseOptions('exponentialBackoff', exponentialBackoffSchema(), options)
  const { first, factor, max, jitter } = settings
  return context => {
    const grown = first * factor ** Math.max(context.attempt - 1, 0)
    const spread = 1 + jitter * (2 * context.random - 1)
    return retryWithin(settings, context, Math.min(grown, max) * spread)
  }
}

/** Thirty hours, the default spelled out, for `exponentialBackoff(thirtyHours)`: in the end every two hours. */
export const thirtyHours = { giveUpAfter: '30h', max: '2h' } as const satisfies ExponentialBackoffOptions

/** Five days, as RFC 5321 §4.5.4.1 advises, for `exponentialBackoff(fiveDays)`: in the end every four hours. */
export const fiveDays = { giveUpAfter: '5d', max: '4h' } as const satisfies ExponentialBackoffOptions
