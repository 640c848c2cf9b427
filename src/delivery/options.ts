import { isIP } from 'node:net'
import { z } from 'zod'
import { type Clock, systemClock } from '../core/clock.js'
import type { Duration } from '../core/duration.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { type Network, nodeNetwork } from '../core/network.js'
import { durationSchema, functionSchema, hostnameSchema, lazy, shapeSchema } from '../core/options.js'
import type { Resolver } from '../dns/resolver.js'
import type { TlsResult } from './tls-policy/host-tls.js'
import type { StsCache } from './tls-policy/sts-cache.js'
import { tlsLevelsSchema } from './tls-policy/tls-levels.js'

/** Options of `createMxTransport`. */
export interface MxTransportOptions {
  /** Finds mail exchangers and their addresses. */
  resolver: Resolver
  /** This server's own name, said in EHLO. Should have an address record that leads back here. */
  hostname: string
  /**
   * Source address of connections, one of each family at most; with one family only, servers are spoken to over that.
   * Default: the system's choice.
   */
  localAddress?: string | readonly string[]
  /** Default: the machine's. */
  clock?: Clock
  /** Default: the machine's. */
  network?: Network
  /** Hears of hosts passed over, and at `debug` every line of the SMTP dialogue. Default: nobody. */
  logger?: Logger
  /** TCP port of the servers. Default: 25. */
  port?: number
  /**
   * The least that connections are secured by: one level for all, or by destination as a table (`'rome.test'`,
   * `'*.rome.test'` for what is below it, `'*'` for all others, else `'opportunistic'`) or a function. Default:
   * `'opportunistic'`. DANE, MTA-STS and REQUIRETLS ask for more where they apply, except that with `'none'` only
   * REQUIRETLS does.
   */
  tls?: OutboundTls | Readonly<Record<string, OutboundTls>> | ((destination: string) => OutboundTls)
  /**
   * Whether TLSA records are heeded (RFC 7672). Only answers count that the resolver calls validated by DNSSEC: see
   * `trustAd` of `createDnsResolver`. Default: `true`.
   */
  dane?: boolean
  /**
   * Whether MTA-STS policies of domains are fetched and followed (RFC 8461), and how they are kept. Default: `true`; the
   * queue then keeps them in its storage, and a transport by itself in memory, until the process ends.
   */
  mtaSts?: boolean | MtaStsOptions
  /**
   * Hears how each new connection was secured, but for mail with `TLS-Required: No`, and why the policy of a domain could not
   * be had; what TLS reports are made of. The queue sets it when it sends such reports.
   */
  onTls?: (result: TlsResult) => void
  /** What encryption is done with. */
  tlsOptions?: OutboundTlsOptions
  /** How long servers may take, by the phases of RFC 5321 §4.5.3.2. */
  timeouts?: OutboundTimeouts
  /** How much is tried for one message. */
  limits?: AttemptLimits
  /** How connections are kept for the next message to the same host. */
  connections?: ConnectionOptions
  /** Whether mail goes to loopback, private, link-local, unspecified and multicast addresses too. Default: `false`. */
  allowPrivateAddresses?: boolean
  /**
   * IP addresses of this server. A mail exchanger with one of them, or called `hostname`, is this server: it and all of the
   * same or a higher preference number are passed over, lest mail goes in a circle (RFC 5321 §5.1). `[]` where another
   * server of this machine takes mail on port 25. Default: those of the machine as the transport is made, without loopback.
   */
  ownAddresses?: readonly string[]
  /**
   * Whether a mail exchanger is this server under another name or address, in ways that `hostname` and `ownAddresses` do
   * not tell. Default: none is.
   */
  isSelf?: (host: string, addresses: readonly string[]) => boolean
}

/**
 * How connections are secured. `'opportunistic'`: encrypted when the server offers it, by whatever certificate it has,
 * and in the clear when it does not or the handshake fails (RFC 7435). `'required'`: always encrypted, by whatever
 * certificate. `'verified'`: the certificate must also be trusted and name the host. `'none'`: never encrypted.
 */
export type OutboundTls = 'opportunistic' | 'required' | 'verified' | 'none'

/** How MTA-STS policies are kept. */
export interface MtaStsOptions {
  /** Where policies are kept: `storedStsCache({ storage })`, or one of your own. Default: in memory. */
  cache?: StsCache
  /**
   * After how long a policy in use is fetched anew, or after half its life where that is shorter, but not more often than
   * once an hour while nobody writes. Default: `'1d'`.
   */
  refresh?: Duration
  /** For fetching one. Default: `'1m'`, as RFC 8461 §3.3 has it. */
  timeout?: Duration
}

/** TLS as a client. */
export interface OutboundTlsOptions {
  /** Trusted issuers, PEM, instead of those Node.js comes with. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[]
  /** Default: `'TLSv1.2'`. */
  minVersion?: 'TLSv1.2' | 'TLSv1.3'
}

/** How long a server may take. */
export interface OutboundTimeouts {
  /** Until a connection stands. Default: 30 s. */
  connect?: Duration
  /** Until the whole greeting is there. Default: 5 min. */
  greeting?: Duration
  /** For each reply to EHLO, HELO and STARTTLS. Default: 5 min. */
  hello?: Duration
  /** For the TLS handshake. Default: 1 min. */
  tls?: Duration
  /** For the reply to MAIL. Default: 5 min. */
  mail?: Duration
  /** For each reply to RCPT. Default: 5 min. */
  rcpt?: Duration
  /** For the reply to DATA. Default: 2 min. */
  data?: Duration
  /** For each block of the message to be taken. Default: 3 min. */
  block?: Duration
  /** For the reply to the final dot. Default: 10 min. */
  dot?: Duration
}

/** How much is tried for one message in one attempt. */
export interface AttemptLimits {
  /** Mail exchangers considered, the best first. Default: 10. */
  hosts?: number
  /** Addresses connected to. Default: 12. */
  addresses?: number
  /** No further host or address is tried after this long. Default: 10 min. */
  trying?: Duration
  /** Everything ends after this long, the sending of a large message too. Default: 2 h. */
  attempt?: Duration
}

/** How connections are kept. */
export interface ConnectionOptions {
  /** How long one waits for the next message; 0 keeps none. Default: 10 s. */
  idle?: Duration
  /** Messages sent over one. Default: 100. */
  messages?: number
  /** Since it was opened. Default: 5 min. */
  age?: Duration
  /** Idle ones to one host. Default: 20, as many as the queue has under way to a site. */
  perHost?: number
  /** Idle ones in all; beyond them the one that waits longest is closed. Default: 500. */
  total?: number
}

const pem = lazy(() =>
  z.custom<string | Uint8Array>(
    value => (typeof value === 'string' && value !== '') || value instanceof Uint8Array,
    { error: 'expected PEM text or bytes' },
  ),
)

/** The schema of {@link OutboundTlsOptions}. */
export const outboundTlsSchema = lazy(() =>
  z.strictObject({
    ca: z.union([pem(), z.array(pem())]).optional(),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
  }),
)

/** The schema of {@link OutboundTimeouts}. */
export const timeoutsSchema = lazy(() =>
  z.strictObject({
    connect: durationSchema.prefault('30s'),
    greeting: durationSchema.prefault('5m'),
    hello: durationSchema.prefault('5m'),
    tls: durationSchema.prefault('1m'),
    mail: durationSchema.prefault('5m'),
    rcpt: durationSchema.prefault('5m'),
    data: durationSchema.prefault('2m'),
    block: durationSchema.prefault('3m'),
    dot: durationSchema.prefault('10m'),
  }),
)

const limitsSchema = lazy(() =>
  z.strictObject({
    hosts: z.int().min(1).default(10),
    addresses: z.int().min(1).default(12),
    trying: durationSchema.prefault('10m'),
    attempt: durationSchema.prefault('2h'),
  }),
)

/** The schema of {@link ConnectionOptions}. */
export const connectionsSchema = lazy(() =>
  z.strictObject({
    idle: durationSchema.prefault('10s'),
    messages: z.int().min(1).default(100),
    age: durationSchema.prefault('5m'),
    perHost: z.int().min(1).default(20),
    total: z.int().min(1).default(500),
  }),
)

const mtaStsSchema = lazy(() =>
  z.strictObject({
    cache: shapeSchema<StsCache>('a cache', ['get', 'set']).optional(),
    refresh: durationSchema.refine(ms => ms >= 60_000, { error: 'expected a minute or more' }).prefault('1d'),
    timeout: durationSchema.prefault('1m'),
  }),
)

/** What `mtaSts: true` stands for. */
export const mtaStsDefaults = lazy(() => mtaStsSchema().parse({}))

/** The schema of {@link MxTransportOptions}. */
export const mxTransportSchema = lazy(() =>
  z.strictObject({
    resolver: shapeSchema<Resolver>('a resolver', ['mx', 'addresses']),
    hostname: hostnameSchema(),
    localAddress: z
      .union([z.string(), z.array(z.string())])
      .default([])
      .transform(given => [given].flat())
      .refine(given => given.every(one => isIP(one) !== 0), { error: 'expected IP addresses' })
      .refine(given => new Set(given.map(isIP)).size === given.length, {
        error: 'expected one address of a family at most',
      }),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(
      () => systemClock,
    ),
    network: shapeSchema<Network>('a network', ['connect']).default(() => nodeNetwork),
    logger: shapeSchema<Logger>('a logger', ['debug', 'info', 'warn', 'error']).default(() => silentLogger),
    port: z.int().min(1).max(65_535).default(25),
    tls: tlsLevelsSchema().prefault('opportunistic'),
    dane: z.boolean().default(true),
    mtaSts: z.union([z.boolean(), mtaStsSchema()]).default(true),
    onTls: functionSchema<NonNullable<MxTransportOptions['onTls']>>('a function').optional(),
    tlsOptions: outboundTlsSchema().prefault({}),
    timeouts: timeoutsSchema().prefault({}),
    limits: limitsSchema().prefault({}),
    connections: connectionsSchema().prefault({}),
    allowPrivateAddresses: z.boolean().default(false),
    ownAddresses: z
      .array(z.string().refine(address => isIP(address) !== 0, { error: 'expected an IP address' }))
      .optional(),
    isSelf: functionSchema<NonNullable<MxTransportOptions['isSelf']>>('a function').default(
      () => () => false,
    ),
  }),
)

/** {@link MxTransportOptions} with their defaults; durations in milliseconds. */
export type MxTransportSettings = z.output<ReturnType<typeof mxTransportSchema>>
