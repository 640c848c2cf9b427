import { z } from 'zod'
import { tryNormalizeDomain } from '../core/domain.js'
import type { Duration } from '../core/duration.js'
import { durationSchema, lazy } from '../core/options.js'

/** Options of `createVerp`. */
export interface VerpOptions {
  /**
   * What return addresses are signed with: 16 characters or more that nobody else knows. The first of a list signs, all
   * of them are known, so that a secret can be replaced.
   */
  secret: string | readonly string[]
  /**
   * What stands between sender, recipient and signature, one or two of `+ - = . _ # ~ ^ |`. With that of the router's
   * subaddresses, bounces reach the sender's mailbox also where nobody knows of VERP. Default: `'+'`.
   */
  delimiter?: string
  /** Whether each recipient has a return address of its own, in a transaction of its own. Default: `true`. */
  perRecipient?: boolean
  /** How long a return address is believed, from when its message was queued. Default: `'14d'`. */
  lifetime?: Duration
}

/** Options of `createSrs`. */
export interface SrsOptions {
  /** As that of `createVerp`. */
  secret: string | readonly string[]
  /** The domain of rewritten senders: one of ours, whose SPF record allows this host. */
  domain: string
  /** How long bounces are taken back, from when their message was queued. Default: `'21d'`. */
  lifetime?: Duration
}

const secretText = lazy(() => z.string().min(16, { error: 'expected 16 characters or more' }))

const secret = lazy(() =>
  z
    .union([secretText(), z.array(secretText()).min(1)], {
      error: 'expected 16 characters or more, or a list of such',
    })
    .transform(given => (typeof given === 'string' ? [given] : given)),
)

/** Days are counted modulo 1024: beyond that, an old address would be young again. */
const lifetime = lazy(() =>
  durationSchema.refine(ms => ms >= 86_400_000 && ms <= 365 * 86_400_000, {
    error: "expected '1d' to '365d'",
  }),
)

/** The schema of {@link VerpOptions}. */
export const verpSchema = lazy(() =>
  z.strictObject({
    secret: secret(),
    delimiter: z
      .string()
      .regex(/^[-+=._#~^|]{1,2}$/, { error: 'expected one or two of + - = . _ # ~ ^ |' })
      .default('+'),
    perRecipient: z.boolean().default(true),
    lifetime: lifetime().prefault('14d'),
  }),
)

/** The schema of {@link SrsOptions}. */
export const srsSchema = lazy(() =>
  z.strictObject({
    secret: secret(),
    domain: z
      .string()
      .refine(domain => tryNormalizeDomain(domain) !== undefined, {
        error: "expected a domain such as 'example.test'",
      })
      .transform(domain => tryNormalizeDomain(domain) ?? domain),
    lifetime: lifetime().prefault('21d'),
  }),
)
