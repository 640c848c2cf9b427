import { z } from 'zod'
import { type Clock, systemClock } from '../core/clock.js'
import type { Duration } from '../core/duration.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { type Network, nodeNetwork } from '../core/network.js'
import { durationSchema, functionSchema, hostnameSchema, lazy, shapeSchema } from '../core/options.js'
import type { MxTransportOptions } from '../delivery/options.js'
import type { TlsReportsOptions } from '../delivery/tls-report/create-tls-reports.js'
import type { Transport } from '../delivery/transport.js'
import type { Resolver } from '../dns/resolver.js'
import type { Srs, Verp } from '../return-path/return-path.js'
import type { Router } from '../routing/router.js'
import type { MessageSigner } from '../signing/message-signer.js'
import type { Storage } from '../storage/storage.js'
import { storageSchema } from '../storage/storage-schema.js'
import { type HoldQuestion, type HoldRule, holdPatternSchema } from './operation/hold-rules.js'
import type { SuppressionList } from './operation/suppression-list.js'
import { exponentialBackoff } from './retry/exponential-backoff.js'
import type { RetryPolicy } from './retry/retry-policy.js'
import { type DeliveryLimits, deliveryLimitsSchema } from './sites/options.js'

/** Options of `createDeliveryQueue`. */
export interface DeliveryQueueOptions {
  /**
   * What the queue keeps its entries in; that of the mail store where bounces and messages may be for local mailboxes.
   * Default: `memoryStorage()`.
   */
  storage?: Storage
  /** The name of this host: said in EHLO, in DSNs and in the Message-ID of messages without one. */
  hostname: string
  /** Finds mail exchangers. Not asked when there is a `transport`. Default: the system's resolver. */
  resolver?: Resolver
  /** When to try again and when to give up. Default: `exponentialBackoff()`, 30 hours. */
  retry?: RetryPolicy
  /** The way out; closed with the queue. Default: delivery to the mail exchangers of each domain, by `delivery`. */
  transport?: Transport
  /** What the default transport does: TLS, timeouts, limits, kept connections; `hostname` where EHLO is to say another. */
  delivery?: Omit<MxTransportOptions, 'resolver' | 'hostname' | 'clock' | 'network' | 'logger'> &
    Partial<Pick<MxTransportOptions, 'hostname'>>
  /**
   * Whether domains that ask for it are told once a day how connections to them were secured (RFC 8460), and by whom.
   * The reports are mail of this queue, and must be signed (RFC 8460 §3): without `sign` the logger warns of that. Of the
   * default transport only; another one is given `createTlsReports`. Default: `false`.
   */
  tlsReports?: boolean | Pick<TlsReportsOptions, 'organization' | 'contact'>
  /** How much is delivered at once. */
  concurrency?: ConcurrencyOptions
  /** How fast mail goes out, in all, to each site and of each sender. Default: as fast as it can. */
  limits?: DeliveryLimits
  /**
   * For how long an entry is leased; renewed while its attempt runs. As long waits mail whose process died, before
   * another process, or the next start, takes it over. At least a second. Default: `'5m'`.
   */
  lease?: Duration
  /** After how long an attempt is cut, whatever the transport does. Default: `'2h'`. */
  attemptTimeout?: Duration
  /** The grace period of `close()`. Default: `'10s'`. */
  closeTimeout?: Duration
  /**
   * Tells which recipients are local, for bounces and for `send()`. Default: that of the first SMTP server the queue
   * is given to; until then every address is remote.
   */
  router?: Router
  /**
   * Signs what leaves, before it is stored: `createDkimSigner(…)`, `createArcSealer(…)`, or one of your own; of a list
   * each sees what those before it put on top. Default: nothing is signed.
   */
  sign?: MessageSigner | readonly MessageSigner[]
  /**
   * Gives mail from senders of our domains signed return addresses, so that `bounce:received` knows what a bounce is
   * about. The server's router knows them from here. Default: senders stay as they are.
   */
  verp?: Verp
  /**
   * Rewrites senders of other domains, whose mail is forwarded here, and leads bounces back to them. Default: senders
   * stay as they are, and the next server's SPF check fails.
   */
  srs?: Srs
  /**
   * Addresses that no mail goes to: it returns to its sender at the next attempt. `list` has them; default: that of
   * `storedSuppressionList` in the storage of the queue. `addHardBounces` adds those whose servers say that they do not
   * exist; default: `false`.
   */
  suppression?: { list?: SuppressionList; addHardBounces?: boolean }
  /**
   * For how long to remember recipients that left the queue, and every attempt for them, for `history()`. It costs a commit
   * three small records for each. Default: nothing is remembered of them.
   */
  history?: { keep: Duration }
  /**
   * Which mail is held as it is queued, until it is released; rules, one of which must fit, or a function. DSNs are
   * never held so. Default: none.
   */
  hold?: readonly HoldRule[] | ((question: HoldQuestion) => boolean)
  /** Default: the system clock. */
  clock?: Clock
  /** The network of the default transport. Default: that of the machine. */
  network?: Network
  /** Default: silent. */
  logger?: Logger
  /** A number from 0 to below 1, for jitter. Default: `Math.random`. */
  random?: () => number
}

/** How much is delivered at once. */
export interface ConcurrencyOptions {
  /** Attempts under way at most; bounds the memory of the queue. Default: 100. */
  total?: number
  /**
   * Attempts under way at most for one site: the destinations that the same servers take mail for. Default: 20.
   * Success brings a site nearer to it, and each failure of its servers takes it half the way back.
   */
  perSite?: number
  /** With how many attempts at once a site begins. Default: 5, or `perSite` if that is less. */
  start?: number
}

const second = 1_000

const signer = lazy(() => shapeSchema<MessageSigner>('a signer such as createDkimSigner(…)', ['sign']))

/** The schema of {@link DeliveryQueueOptions}. */
export const deliveryQueueSchema = lazy(() =>
  z.strictObject({
    storage: storageSchema().optional(),
    hostname: hostnameSchema(),
    resolver: shapeSchema<Resolver>('a resolver', ['mx', 'addresses']).optional(),
    retry: functionSchema<RetryPolicy>('a retry policy such as exponentialBackoff()').default(() =>
      exponentialBackoff(),
    ),
    transport: shapeSchema<Transport>('a transport', ['deliver', 'close']).optional(),
    delivery: z
      .custom<DeliveryQueueOptions['delivery']>(
        value => typeof value === 'object' && value !== null && !Array.isArray(value),
        { error: 'expected options of createMxTransport' },
      )
      .optional(),
    tlsReports: z
      .union([
        z.boolean(),
        z.strictObject({ organization: z.string().optional(), contact: z.string().optional() }),
      ])
      .default(false),
    concurrency: z
      .strictObject({
        total: z.int().min(1).max(10_000).default(100),
        perSite: z.int().min(1).max(10_000).default(20),
        start: z.int().min(1).max(10_000).default(5),
      })
      .prefault({}),
    limits: deliveryLimitsSchema().prefault({}),
    lease: durationSchema.refine(ms => ms >= second, { error: 'expected at least a second' }).prefault('5m'),
    attemptTimeout: durationSchema.refine(ms => ms > 0, { error: 'expected more than 0' }).prefault('2h'),
    closeTimeout: durationSchema.prefault('10s'),
    router: shapeSchema<Router>('a router', ['route', 'isLocal']).optional(),
    sign: z
      .union([signer(), z.array(signer())], { error: 'expected createDkimSigner(…) or a list of such' })
      .default([])
      .transform(given => [given].flat()),
    verp: shapeSchema<Verp>('createVerp(…)', ['encode', 'decode']).optional(),
    srs: shapeSchema<Srs>('createSrs(…)', ['forward', 'reverse']).optional(),
    suppression: z
      .strictObject({
        list: shapeSchema<SuppressionList>('a suppression list', ['find', 'add']).optional(),
        addHardBounces: z.boolean().default(false),
      })
      .optional(),
    history: z.strictObject({ keep: durationSchema }).optional(),
    hold: z
      .union([
        z.array(
          z.strictObject({
            sender: holdPatternSchema().optional(),
            recipient: holdPatternSchema().optional(),
          }),
        ),
        functionSchema<(question: HoldQuestion) => boolean>('a function'),
      ])
      .default([]) as unknown as z.ZodType<readonly HoldRule[] | ((question: HoldQuestion) => boolean)>,
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(systemClock),
    network: shapeSchema<Network>('a network', ['listen', 'connect']).default(nodeNetwork),
    logger: shapeSchema<Logger>('a logger', ['debug', 'info', 'warn', 'error']).default(silentLogger),
    random: functionSchema<() => number>('a function').default(() => Math.random),
  }),
)

/** {@link DeliveryQueueOptions} with their defaults; durations in milliseconds. */
export type DeliveryQueueSettings = Omit<GivenSettings, 'suppression'> & {
  readonly storage: Storage
  readonly transport: Transport
  readonly suppression?: { readonly list: SuppressionList; readonly addHardBounces: boolean }
}

/** What is given of {@link DeliveryQueueSettings}. */
export type GivenSettings = z.output<ReturnType<typeof deliveryQueueSchema>>
