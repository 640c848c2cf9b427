import { z } from 'zod'
import type { Duration } from '../../core/duration.js'
import { durationSchema, lazy } from '../../core/options.js'

/** What every retry policy of this package takes. */
export interface ExpiryOptions {
  /** How long after queueing an undelivered message returns to its sender. Default: `'30h'`. */
  giveUpAfter?: Duration
  /**
   * How long after queueing the sender is told, once and after the next attempt that fails, that the message is
   * late; `false` for never. The null sender is never told. Default: `'4h'`.
   */
  warnAfter?: Duration | false
  /**
   * How long before the end the last attempt is made; no more than a tenth of `giveUpAfter`. The message returns
   * when that attempt has failed. Default: `'5m'`.
   */
  lastAttempt?: Duration
}

/** Options of {@link exponentialBackoff}. */
export interface ExponentialBackoffOptions extends ExpiryOptions {
  /** From the first attempt to the second. Default: `'15m'`, which is what servers that greylist want at most. */
  first?: Duration
  /** By how much each wait is longer than the one before; 1 or more. Default: 1.5. */
  factor?: number
  /** The longest wait. Default: `'2h'`, or `first` where that is longer. */
  max?: Duration
  /**
   * By which part of itself a wait may be longer or shorter, from 0 to 0.5, so that messages which failed
   * together do not come back together. Default: 0.1.
   */
  jitter?: number
}

/** Options of {@link fixedSchedule}. */
export interface FixedScheduleOptions extends ExpiryOptions {
  /** From each attempt to the next; the last is repeated until the time is up. At least one, each above 0. */
  delays: readonly Duration[]
}

const length = lazy(() => durationSchema.refine(ms => ms > 0, { error: 'expected a length of time above 0' }))

const twoHours = 7_200_000

/** The schemas of {@link ExpiryOptions}. */
export const expiryFields = lazy(() => ({
  giveUpAfter: length().prefault('30h'),
  warnAfter: z.union([z.literal(false), durationSchema]).prefault('4h'),
  lastAttempt: length().prefault('5m'),
}))

/** The schema of {@link ExponentialBackoffOptions}. */
export const exponentialBackoffSchema = lazy(() =>
  z
    .strictObject({
      ...expiryFields(),
      first: length().prefault('15m'),
      factor: z.number().min(1).default(1.5),
      max: length().optional(),
      jitter: z.number().min(0).max(0.5).default(0.1),
    })
    .refine(({ first, max = first }) => max >= first, { path: ['max'], error: 'expected no less than first' })
    .transform(settings => ({ ...settings, max: settings.max ?? Math.max(settings.first, twoHours) })),
)

/** The schema of {@link FixedScheduleOptions}. */
export const fixedScheduleSchema = lazy(() =>
  z.strictObject({
    ...expiryFields(),
    delays: z.array(length()).min(1, { error: 'expected at least one length of time' }),
  }),
)
