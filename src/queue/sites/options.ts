import { z } from 'zod'
import type { Duration } from '../../core/duration.js'
import { durationSchema, functionSchema, lazy } from '../../core/options.js'

/**
 * How fast mail goes out. A message for several recipients of one destination counts once. Counted in memory: by each
 * process for itself, and from zero when it starts.
 */
export interface DeliveryLimits {
  /** Of all mail together. Default: no limit. */
  total?: Rate
  /**
   * Of each site: the destinations that the same servers take mail for. A function is asked once for each, with one of
   * its destinations, and answers `undefined` for no limit of its own. Default: none.
   */
  perSite?: SiteLimits | ((site: SiteQuestion) => SiteLimits | undefined)
  /**
   * Of each sender: the account that submitted the mail, or else the domain of the envelope sender; `''` is that of
   * bounces. Default: no limit.
   */
  perSender?: Rate | ((sender: string) => Rate | undefined)
}

/** No more than so many messages in any span of so long. */
export interface Rate {
  /** At most 100,000. */
  messages: number
  per: Duration
}

/** What one site gets at most. */
export interface SiteLimits {
  rate?: Rate
  /** Attempts at once; default: `concurrency.perSite`. */
  concurrency?: number
}

/** A site to tell the limits of. */
export interface SiteQuestion {
  /** What it is called: with the default transport the names of its mail exchangers, sorted, with a blank between them. */
  readonly site: string
  /** The destination it was met by. */
  readonly destination: string
}

/** The schema of {@link Rate}. */
export const rateSchema = lazy(() =>
  z.strictObject({
    messages: z.int().min(1).max(100_000),
    per: durationSchema.refine(ms => ms > 0, { error: 'expected more than 0' }),
  }),
)

/** The schema of {@link SiteLimits}. */
export const siteLimitsSchema = lazy(() =>
  z.strictObject({
    rate: rateSchema().optional(),
    concurrency: z.int().min(1).max(10_000).optional(),
  }),
)

/** The schema of {@link DeliveryLimits}. */
export const deliveryLimitsSchema = lazy(() =>
  z.strictObject({
    total: rateSchema().optional(),
    perSite: z
      .union([siteLimitsSchema(), functionSchema<(site: SiteQuestion) => unknown>('limits or a function')])
      .optional(),
    perSender: z
      .union([rateSchema(), functionSchema<(sender: string) => unknown>('a rate or a function')])
      .optional(),
  }),
)
