import { z } from 'zod'

/** Options of {@link createDnsZone}. */
export interface DnsZoneOptions {
  /** Seconds that records may be kept. Default: `300`. */
  ttl?: number
  /** Seconds that the absence of a name or of records may be kept. Default: `60`. */
  negativeTtl?: number
  /** Whether answers count as validated by DNSSEC. Default: `false`. */
  secure?: boolean
}

const seconds = z.int().min(0).max(2_147_483_647)

export const zoneOptionsSchema = z.strictObject({
  ttl: seconds.default(300),
  negativeTtl: seconds.default(60),
  secure: z.boolean().default(false),
})
