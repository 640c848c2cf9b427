import { parseOptions } from '../../core/options.js'
import { retryWithin } from './expiry.js'
import { type FixedScheduleOptions, fixedScheduleSchema } from './options.js'
import type { RetryPolicy } from './retry-policy.js'

/**
 * Waits of given lengths, one after each attempt, the last repeated until the time is up.
 * @throws MailError `OPTION_INVALID`.
 */
export function fixedSchedule(options: FixedScheduleOptions): RetryPolicy {
  const settings = parseOptions('fixedSchedule', fixedScheduleSchema(), options)
  const { delays } = settings
  return context => {
    const index = Math.min(Math.max(context.attempt, 1), delays.length) - 1
    return retryWithin(settings, context, delays[index] ?? 0)
  }
}
