import { z } from 'zod'
import type { Clock } from '../../core/clock.js'
import type { Duration } from '../../core/duration.js'
import { durationSchema, lazy, shapeSchema } from '../../core/options.js'

/** Options of {@link createDnsZone}. */
export interface DnsZoneOptions {
  /** Seconds that records may be kept. Default: `300`. */
  ttl?: number
  /** Seconds that the absence of a name or of records may be kept. Default: `60`. */
  negativeTtl?: number
  /** Whether answers count as validated by DNSSEC. Default: `false`. */
  secure?: boolean
  /** Lets a lookup that {@link DnsZone.fail} ends by `timeout` take its time. Default: it fails at once. */
  silence?: DnsSilence
}

/** How long a lookup waits for a server that is silent. */
export interface DnsSilence {
  /** The clock that it waits on. */
  clock: Clock
  /** Default: `'6s'`, as long as `createDnsResolver` with one server by default. */
  lasts?: Duration
}

const seconds = lazy(() => z.int().min(0).max(2_147_483_647))

export const zoneOptionsSchema = lazy(() =>
  z.strictObject({
    ttl: seconds().default(300),
    negativeTtl: seconds().default(60),
    secure: z.boolean().default(false),
    silence: z
      .strictObject({
        clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']),
        lasts: durationSchema.default(6_000),
      })
      .optional(),
  }),
)

/** {@link DnsZoneOptions} with everything filled in, durations in milliseconds. */
export type DnsZoneSettings = z.output<ReturnType<typeof zoneOptionsSchema>>
