import { z } from 'zod'
import { type Clock, systemClock } from '../core/clock.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { durationSchema, lazy, shapeSchema } from '../core/options.js'
import { storageSchema } from '../storage/storage-schema.js'
import { retentionSchema } from './retention/options.js'

/** Validates the options of `createMailStore`. */
export const mailStoreSchema = lazy(() =>
  z.strictObject({
    storage: storageSchema().optional(),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(systemClock),
    logger: shapeSchema<Logger>('a logger', ['debug', 'info', 'warn', 'error']).default(silentLogger),
    lockExpiry: durationSchema
      .refine(expiry => expiry >= 1, { error: 'expected 1 ms or more' })
      .default(120_000),
    retention: retentionSchema().prefault([]),
    retentionInterval: durationSchema
      .refine(interval => interval >= 1_000, { error: 'expected 1 s or more' })
      .default(3_600_000),
  }),
)

/** The options of a store with their defaults; durations in milliseconds. */
export type MailStoreSettings = z.output<ReturnType<typeof mailStoreSchema>>
