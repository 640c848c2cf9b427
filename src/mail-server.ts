import { z } from 'zod'
import type { Accounts } from './accounts/accounts.js'
import { type Clock, systemClock } from './core/clock.js'
import type { Duration } from './core/duration.js'
import type { Closable } from './core/lifecycle.js'
import { type Logger, silentLogger } from './core/logger.js'
import { type Listener, type Network, nodeNetwork } from './core/network.js'
import { durationSchema, functionSchema, hostnameSchema, lazy, shapeSchema } from './core/options.js'
import type { TlsOptions } from './core/tls-credentials.js'
import type { Resolver } from './dns/resolver.js'
import type { Policy } from './policy/policy.js'
import type { Pop3Server } from './pop3/create-pop3-server.js'
import type { Pop3ServerOptions } from './pop3/options.js'
import type { DeliveryQueue } from './queue/delivery-queue.js'
import type { DeliveryQueueOptions } from './queue/options.js'
import type { RetryPolicy } from './queue/retry/retry-policy.js'
import type { SmtpServerOptions } from './smtp-server/options.js'
import type { SmtpServer } from './smtp-server/smtp-server.js'
import type { Storage } from './storage/storage.js'
import { storageSchema } from './storage/storage-schema.js'
import type { MailStore, MailStoreOptions } from './store/mail-store.js'

/** Options of `createMailServer`. */
export interface MailServerOptions {
  /** The name of this host, in greetings and to other servers. */
  hostname: string
  /** The domains whose mail is kept here. */
  domains: readonly string[]
  /** Who may log in, and who has which address. */
  accounts: Accounts
  /**
   * Where mail for `postmaster` of any of the domains goes, when the accounts know no such address. A server must take
   * such mail (RFC 5321 §4.5.1): without this option, give `postmaster` of your domains to somebody. Default: nobody.
   */
  postmaster?: string
  /** Where mail and queue are kept; its owner closes it. Default: in memory, closed with the server. */
  storage?: Storage
  /** Where mail exchangers are looked up; its owner closes it. Default: the resolver of the machine. */
  resolver?: Resolver
  /** When to try again, and when to give up. Default: `exponentialBackoff()`, 30 hours. */
  retry?: RetryPolicy
  /** Key and certificate of all listeners. Default: no encryption, and nobody can log in. */
  tls?: TlsOptions
  /** Checks of what is received. Default: none. */
  policies?: readonly Policy[]
  /** How long `close` waits for sessions and deliveries under way. Default: `'10s'`. */
  closeTimeout?: Duration
  /** More options of `createSmtpServer`; they go before those here. */
  smtp?: Partial<SmtpServerOptions>
  /** More options of `createPop3Server`. */
  pop3?: Partial<Pop3ServerOptions>
  /** More options of `createDeliveryQueue`. */
  queue?: Partial<DeliveryQueueOptions>
  /** More options of `createMailStore`, such as `retention`. */
  store?: Omit<MailStoreOptions, 'storage'>
  /** Default: the system clock. */
  clock?: Clock
  /** Default: the network of the machine. */
  network?: Network
  /** Default: silent. */
  logger?: Logger
}

/** Where one service listens. */
export interface ServiceAddress {
  /** TCP port; 0 lets the system choose. */
  port: number
  /** Address to bind. Default: every address of the machine. */
  host?: string
}

/** Which services to open, and where. */
export interface MailServerListeners {
  /** Mail from other servers, with STARTTLS; port 25. */
  smtp?: ServiceAddress
  /** Mail from users, with STARTTLS and AUTH (RFC 6409); port 587. */
  submission?: ServiceAddress
  /** Mail from users, encrypted from the start (RFC 8314); port 465. */
  submissions?: ServiceAddress
  /** Mail from a server in front of this one (RFC 2033); port 24, or a unix socket. */
  lmtp?: ServiceAddress | { path: string }
  /** Reading, with STLS; port 110. */
  pop3?: ServiceAddress
  /** Reading, encrypted from the start; port 995. */
  pop3s?: ServiceAddress
}

/** The bound listeners by service; what was not asked for is absent. */
export type BoundListeners = { readonly [Service in keyof MailServerListeners]: Listener }

/** A whole mail host: its parts, wired together. */
export interface MailServer extends Closable {
  readonly hostname: string
  readonly accounts: Accounts
  readonly storage: Storage
  readonly resolver: Resolver
  readonly store: MailStore
  readonly queue: DeliveryQueue
  readonly smtp: SmtpServer
  readonly pop3: Pop3Server
  /**
   * Opens services, and starts the queue. May be called again for more. When one cannot be opened, the call fails
   * and those that it opened before stay open until `close`.
   * @throws MailError `PORT_IN_USE`, `LISTEN_FAILED`, `OPTION_INVALID`, `CLOSED`.
   */
  listen(listeners: MailServerListeners): Promise<BoundListeners>
}

/** Options of a part, which checks them itself. */
function optionsSchema<T extends object>(what: string) {
  const fits = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  return z.custom<T>(fits, { error: `expected ${what}` })
}

const serviceSchema = lazy(() =>
  z.strictObject({
    port: z.int().min(0).max(65_535),
    host: z.string().optional(),
  }),
)

/** The schema of {@link MailServerListeners}. */
export const listenersSchema = lazy(() =>
  z.strictObject({
    smtp: serviceSchema().optional(),
    submission: serviceSchema().optional(),
    submissions: serviceSchema().optional(),
    lmtp: z
      .union([serviceSchema(), z.strictObject({ path: z.string().min(1) })], {
        error: 'expected a port, with or without a host, or the path of a unix socket',
      })
      .optional(),
    pop3: serviceSchema().optional(),
    pop3s: serviceSchema().optional(),
  }),
)

/** The schema of {@link MailServerOptions}; the parts check what is handed on to them. */
export const mailServerSchema = lazy(() =>
  z.strictObject({
    hostname: hostnameSchema(),
    domains: z.array(z.string()),
    accounts: shapeSchema<Accounts>('accounts', ['authenticate', 'find']),
    postmaster: z.string().optional(),
    storage: storageSchema().optional(),
    resolver: shapeSchema<Resolver>('a resolver', ['mx', 'addresses', 'close']).optional(),
    retry: functionSchema<RetryPolicy>('a retry policy such as exponentialBackoff()').optional(),
    tls: optionsSchema<TlsOptions>("an object such as { key: 'key.pem', cert: 'cert.pem' }").optional(),
    policies: z.custom<readonly Policy[]>(Array.isArray, { error: 'expected a list of policies' }).optional(),
    closeTimeout: durationSchema.prefault('10s'),
    smtp: optionsSchema<Partial<SmtpServerOptions>>('options of createSmtpServer').optional(),
    pop3: optionsSchema<Partial<Pop3ServerOptions>>('options of createPop3Server').optional(),
    queue: optionsSchema<Partial<DeliveryQueueOptions>>('options of createDeliveryQueue').optional(),
    store: optionsSchema<Omit<MailStoreOptions, 'storage'>>('options of createMailStore').optional(),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(systemClock),
    network: shapeSchema<Network>('a network', ['listen', 'connect']).default(nodeNetwork),
    logger: shapeSchema<Logger>('a logger', ['debug', 'info', 'warn', 'error']).default(silentLogger),
  }),
)
