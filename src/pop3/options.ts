import { z } from 'zod'
import type { Accounts } from '../accounts/accounts.js'
import { type Clock, systemClock } from '../core/clock.js'
import type { Duration } from '../core/duration.js'
import { guardLogger, type Logger, silentLogger } from '../core/logger.js'
import { createLoginThrottle, type LoginThrottle } from '../core/login-throttle.js'
import { type Network, nodeNetwork } from '../core/network.js'
import { durationSchema, lazy, parseOptions, shapeSchema } from '../core/options.js'
import { readTlsOptions, type TlsOptions, tlsOptionsSchema } from '../core/tls-credentials.js'
import type { MailStore } from '../store/mail-store.js'

/** Options of `createPop3Server`. */
export interface Pop3ServerOptions {
  /** Who may log in. Only `authenticate` is asked. */
  accounts: Pick<Accounts, 'authenticate'>
  /** Where the mail is. Only `mailbox` and `lock` are called. */
  store: Pick<MailStore, 'mailbox' | 'lock'>
  /** Key and certificate. Default: none, so no TLS. */
  tls?: TlsOptions
  /** Takes passwords over connections without TLS. Default: `false`. */
  allowInsecureAuth?: boolean
  /** Open connections of all clients; one more is refused. Default: 5,000. */
  maxConnections?: number
  /** Open connections of one client, an IPv4 address or an IPv6 /64. Default: 100. */
  maxConnectionsPerAddress?: number
  /**
   * Ends a session whose client sends no command, or takes nothing of a reply, for so long; nothing is deleted
   * then. Default: `'10m'`, the least that RFC 1939 §3 allows.
   */
  idleTimeout?: Duration
  /** How long a client may take to log in, TLS handshake included. Default: `'2m'`. */
  loginTimeout?: Duration
  /** How long one call of the accounts or the store may take; then it counts as failed. Default: `'30s'`. */
  handlerTimeout?: Duration
  /** Commands a client may get wrong before it is cut off. Default: 20. */
  maxErrors?: number
  /** Logins that may fail on one connection before it is cut off. Default: 5. */
  maxLoginFailures?: number
  /** Slows down guessing; give the one of the other servers of a host to share it. Default: `createLoginThrottle()`. */
  loginThrottle?: LoginThrottle
  /** The least time between two logins of one account (RFC 2449 §6.5), told to clients. Default: 0, none. */
  loginDelay?: Duration
  /** How long `close` lets commands under way go on. Default: `'5s'`. */
  closeTimeout?: Duration
  /** Default: the system clock. */
  clock?: Clock
  /** Default: the sockets of the machine. */
  network?: Network
  /** Default: silent. */
  logger?: Logger
}

const schema = lazy(() =>
  z.strictObject({
    accounts: shapeSchema<Pick<Accounts, 'authenticate'>>('accounts', ['authenticate']),
    store: shapeSchema<Pick<MailStore, 'mailbox' | 'lock'>>('a mail store', ['mailbox', 'lock']),
    tls: tlsOptionsSchema().optional(),
    allowInsecureAuth: z.boolean().default(false),
    maxConnections: z.int().min(1).default(5_000),
    maxConnectionsPerAddress: z.int().min(1).default(100),
    idleTimeout: durationSchema.default(600_000),
    loginTimeout: durationSchema.default(120_000),
    handlerTimeout: durationSchema.default(30_000),
    maxErrors: z.int().min(1).default(20),
    maxLoginFailures: z.int().min(1).default(5),
    loginThrottle: shapeSchema<LoginThrottle>('a login throttle', ['begin', 'delayAfter']).optional(),
    loginDelay: durationSchema.default(0),
    closeTimeout: durationSchema.default(5_000),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(systemClock),
    network: shapeSchema<Network>('a network', ['listen', 'connect']).default(nodeNetwork),
    logger: shapeSchema<Logger>('a logger', ['debug', 'info', 'warn', 'error']).default(silentLogger),
  }),
)

/** The options with their defaults filled in and the TLS material read. */
export type Pop3Settings = ReturnType<typeof readPop3Options>

/** Reads the options of `createPop3Server`. @throws MailError `OPTION_INVALID`, `CERTIFICATE_UNREADABLE`. */
export function readPop3Options(options: Pop3ServerOptions) {
  const parsed = parseOptions('createPop3Server', schema(), options)
  const { clock, tls } = parsed
  return {
    ...parsed,
    tls: tls && readTlsOptions('createPop3Server', tls),
    loginThrottle: parsed.loginThrottle ?? createLoginThrottle({ clock }),
    logger: guardLogger(parsed.logger),
  }
}
