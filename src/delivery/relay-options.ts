import { isIP } from 'node:net'
import { z } from 'zod'
import { type Clock, systemClock } from '../core/clock.js'
import { tryNormalizeDomain } from '../core/domain.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { type Network, nodeNetwork } from '../core/network.js'
import { functionSchema, hostnameSchema, lazy, shapeSchema } from '../core/options.js'
import type { Resolver } from '../dns/resolver.js'
import {
  type ConnectionOptions,
  connectionsSchema,
  type OutboundTimeouts,
  type OutboundTlsOptions,
  outboundTlsSchema,
  timeoutsSchema,
} from './options.js'
import type { SmtpCredentials, TokenCredentials } from './smtp-client/authenticate.js'
import type { TlsResult } from './tls-policy/host-tls.js'

/** What transports to servers of one's own choice have in common. */
export interface RelayTransportOptions {
  /** The name of this host, said in EHLO or LHLO. */
  hostname: string
  /** Source address of connections. Default: the system's choice. */
  localAddress?: string
  /** Messages under way at once; further ones wait. Default: 10. */
  concurrency?: number
  /** What encryption is done with. */
  tlsOptions?: OutboundTlsOptions
  /** How long servers may take. */
  timeouts?: OutboundTimeouts
  /** How connections are kept for the next message. */
  connections?: ConnectionOptions
  /** Looks up the addresses of names. Default: the system's resolver. */
  resolver?: Resolver
  /** Default: the machine's. */
  clock?: Clock
  /** Default: the machine's. */
  network?: Network
  /**
   * Hears how each new connection by STARTTLS or implicit TLS to a server with a name was secured; `domain` is that name,
   * never that of a recipient. The `record` of `createTlsReports` makes reports of it. Default: nobody.
   */
  onTls?: (result: TlsResult) => void
  /** Hears of servers passed over, and at `debug` the dialogue without credentials. Default: nobody. */
  logger?: Logger
}

/** Options of `createSmarthostTransport`. */
export interface SmarthostTransportOptions extends RelayTransportOptions {
  /** The servers, the best first; the next is asked when one cannot be spoken to. At least one. */
  servers: readonly SmarthostServer[]
  /** Credentials for those servers that have none of their own. Default: no login. */
  auth?: SmtpCredentials
}

/** A server that sends on what it is given. */
export interface SmarthostServer {
  /** A name, or an IP address. */
  host: string
  /** Default: 465 with implicit TLS, 587 with STARTTLS, 25 without TLS. */
  port?: number
  /**
   * `'implicit'`: encrypted from the first byte; `'starttls'`: STARTTLS, and nothing without; `'none'`: never
   * encrypted, the password included. Default: `'implicit'` on port 465, `'starttls'` on others.
   */
  tls?: 'implicit' | 'starttls' | 'none'
  /** Whether its certificate must be trusted and name `host`. Default: `true`. */
  verify?: boolean
  auth?: SmtpCredentials
}

/** Options of `createLmtpTransport`. */
export interface LmtpTransportOptions extends RelayTransportOptions {
  /** Path of its unix socket. */
  path?: string
  /** Name or IP address, instead of `path`. */
  host?: string
  /** With `host`. Default: 24. */
  port?: number
  /** With `host`: `'starttls'` always encrypts, the certificate must be trusted and name it. Default: `'none'`. */
  tls?: 'starttls' | 'none'
}

const hostSchema = lazy(() =>
  z
    .string()
    .refine(name => isIP(name) !== 0 || tryNormalizeDomain(name) !== undefined, {
      error: 'expected a name or an IP address',
    })
    .transform(name => (isIP(name) === 0 ? (tryNormalizeDomain(name) ?? name) : name)),
)
const port = lazy(() => z.int().min(1).max(65_535))
const text = lazy(() =>
  z.string().regex(/^[^\u0000-\u001f\u007f]+$/, { error: 'expected text without control characters' }),
)

const authSchema = lazy(() =>
  z.union(
    [
      z.strictObject({ user: text(), password: text(), mechanism: z.enum(['PLAIN', 'LOGIN']).optional() }),
      z.strictObject({
        user: text(),
        token: z.union([text(), functionSchema<Exclude<TokenCredentials['token'], string>>('a function')]),
      }),
    ],
    { error: 'expected { user, password } or { user, token }' },
  ),
)

const relayFields = lazy(() => ({
  hostname: hostnameSchema(),
  localAddress: z
    .string()
    .refine(address => isIP(address) !== 0, { error: 'expected an IP address' })
    .optional(),
  concurrency: z.int().min(1).max(10_000).default(10),
  tlsOptions: outboundTlsSchema().prefault({}),
  timeouts: timeoutsSchema().prefault({}),
  connections: connectionsSchema().prefault({}),
  resolver: shapeSchema<Resolver>('a resolver', ['mx', 'addresses']).optional(),
  clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(() => systemClock),
  network: shapeSchema<Network>('a network', ['connect']).default(() => nodeNetwork),
  onTls: functionSchema<NonNullable<RelayTransportOptions['onTls']>>('a function').default(() => () => {}),
  logger: shapeSchema<Logger>('a logger', ['debug', 'info', 'warn', 'error']).default(() => silentLogger),
}))

const serverSchema = lazy(() =>
  z
    .strictObject({
      host: hostSchema(),
      port: port().optional(),
      tls: z.enum(['implicit', 'starttls', 'none']).optional(),
      verify: z.boolean().default(true),
      auth: authSchema().optional(),
    })
    .transform(server => {
      const tls = server.tls ?? (server.port === 465 ? 'implicit' : 'starttls')
      return { ...server, tls, port: server.port ?? { implicit: 465, starttls: 587, none: 25 }[tls] }
    }),
)

/** The schema of {@link SmarthostTransportOptions}. */
export const smarthostTransportSchema = lazy(() =>
  z.strictObject({
    ...relayFields(),
    servers: z.array(serverSchema()).min(1, { error: 'expected at least one server' }),
    auth: authSchema().optional(),
  }),
)

/** The schema of {@link LmtpTransportOptions}. */
export const lmtpTransportSchema = lazy(() =>
  z
    .strictObject({
      ...relayFields(),
      path: z.string().min(1).optional(),
      host: hostSchema().optional(),
      port: port().default(24),
      tls: z.enum(['starttls', 'none']).default('none'),
    })
    .refine(({ path, host }) => (path === undefined) !== (host === undefined), {
      path: ['path'],
      error: 'expected either path or host',
    }),
)

/** What both schemas give. */
export type RelaySettings = Omit<z.output<ReturnType<typeof smarthostTransportSchema>>, 'servers' | 'auth'>
