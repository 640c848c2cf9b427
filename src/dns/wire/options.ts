import { z } from 'zod'
import { type Clock, systemClock } from '../../core/clock.js'
import type { Duration } from '../../core/duration.js'
import { type Network, nodeNetwork } from '../../core/network.js'
import { durationSchema, lazy, shapeSchema } from '../../core/options.js'
import { parseServerAddress } from './server-address.js'

/** Options of a resolver that asks given name servers. */
export interface WireResolverOptions {
  /**
   * Recursive name servers, asked in this order; one that fails gives its place to the next that answers.
   * `'192.0.2.53'`, `'192.0.2.53:5353'`, `'2001:db8::53'` or `'[2001:db8::53]:5353'`; port 53 by default.
   */
  servers: readonly string[]
  /** How long to wait for one answer of one server, 1 ms or more. Default: `'3s'`. */
  timeout?: Duration
  /** How often each server that stays silent is asked, 1 to 10. Default: `2`. */
  attempts?: number
  /**
   * Believes the AD bit: an answer counts as `secure` when the server says that it validated it. Only for servers
   * that validate DNSSEC and are reached by a way nobody can write to, such as loopback (RFC 6698 §4). Default: `false`.
   */
  trustAd?: boolean
  /** Mixes upper and lower case into each question and wants it back so, which makes forged answers harder. Default: `false`, as some servers answer in lower case. */
  randomCase?: boolean
  /** How long answers are kept, or `false` to keep none. */
  cache?: DnsCacheOptions | false
  /** Questions on their way at once, each on a socket of its own; others wait. Default: `256`. */
  concurrency?: number
  /** Default: the clock of the machine. */
  clock?: Clock
  /** Where TCP connections to the servers are opened. UDP is always the machine's. Default: the network of the machine. */
  network?: Network
}

/** How long a resolver keeps answers. */
export interface DnsCacheOptions {
  /** Answers kept; the one not asked for longest makes room. Answers over 8 KiB are never kept. Default: `10000`. */
  maxEntries?: number
  /** Least time to keep what was found, whatever its TTL. Default: `0`. */
  minTtl?: Duration
  /** Longest time to keep what was found. Default: `'1d'`. */
  maxTtl?: Duration
  /** Longest time to keep that something does not exist (RFC 2308 §5). Default: `'3h'`. */
  maxNegativeTtl?: Duration
  /** How long to keep that all servers failed, so that a burst of mail does not hammer them (RFC 9520). Default: `'1s'`. */
  failureTtl?: Duration
}

const cacheSchema = lazy(() =>
  z.strictObject({
    maxEntries: z.int().min(1).default(10_000),
    minTtl: durationSchema.default(0),
    maxTtl: durationSchema.default(86_400_000),
    maxNegativeTtl: durationSchema.default(10_800_000),
    failureTtl: durationSchema.default(1_000),
  }),
)

/** {@link DnsCacheOptions} with everything filled in, in milliseconds. */
export type DnsCacheLimits = z.infer<ReturnType<typeof cacheSchema>>

const serverSchema = lazy(() =>
  z.string().transform((text, context) => {
    const server = parseServerAddress(text)
    if (server) return server
    const message =
      "expected an IP address with or without a port, such as '192.0.2.53' or '[2001:db8::53]:5353'"
    context.issues.push({ code: 'custom', message, input: text })
    return z.NEVER
  }),
)

export const wireResolverOptionsSchema = lazy(() =>
  z.strictObject({
    servers: z.array(serverSchema()).min(1),
    timeout: durationSchema.refine(value => value >= 1, { error: 'expected 1 ms or more' }).default(3_000),
    attempts: z.int().min(1).max(10).default(2),
    trustAd: z.boolean().default(false),
    randomCase: z.boolean().default(false),
    cache: z.union([z.literal(false), cacheSchema()]).default(() => cacheSchema().parse({})),
    concurrency: z.int().min(1).default(256),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(systemClock),
    network: shapeSchema<Network>('a network', ['listen', 'connect']).default(nodeNetwork),
  }),
)

/** {@link WireResolverOptions} with everything filled in, durations in milliseconds. */
export type WireResolverSettings = z.infer<ReturnType<typeof wireResolverOptionsSchema>>
