import { z } from 'zod'
import { type Clock, systemClock } from '../../core/clock.js'
import type { Duration } from '../../core/duration.js'
import { durationSchema, lazy, shapeSchema } from '../../core/options.js'

/** Options of a resolver that asks the way the operating system is set up. */
export interface SystemResolverOptions {
  /** How long to wait for one answer before asking again, 1 ms or more. Runs on the machine's own time. Default: `'3s'`. */
  timeout?: Duration
  /** How often each server is asked, 1 to 10. Default: `2`. */
  attempts?: number
  /** What is told of lookups under way; gives no time here. Default: the clock of the machine. */
  clock?: Clock
}

export const systemResolverOptionsSchema = lazy(() =>
  z.strictObject({
    timeout: durationSchema.refine(value => value >= 1, { error: 'expected 1 ms or more' }).default(3_000),
    attempts: z.int().min(1).max(10).default(2),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(systemClock),
    /** Where to ask instead of the system's servers, in the notation of `dns.setServers`; the way in for tests. */
    nameservers: z.array(z.string()).optional(),
  }),
)
