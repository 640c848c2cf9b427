import { BlockList, isIP, isIPv6 } from 'node:net'
import { z } from 'zod'
import type { Accounts } from '../accounts/accounts.js'
import { type Clock, systemClock } from '../core/clock.js'
import type { Duration } from '../core/duration.js'
import type { Logger } from '../core/logger.js'
import type { LoginThrottle } from '../core/login-throttle.js'
import { type Network, nodeNetwork } from '../core/network.js'
import { durationSchema, functionSchema, hostnameSchema, lazy, shapeSchema } from '../core/options.js'
import { type TlsOptions, tlsOptionsSchema } from '../core/tls-credentials.js'
import type { Policy } from '../policy/policy.js'
import type { DeliveryQueue } from '../queue/delivery-queue.js'
import type { Router } from '../routing/router.js'
import type { MailStore } from '../store/mail-store.js'

/** Options of `createSmtpServer`. */
export interface SmtpServerOptions {
  /** The name of this host in greetings, replies and `Received:` fields. */
  hostname: string
  /** The domains whose mail is kept or forwarded here, as `createRouter` takes them. Needed unless `router` is given. */
  domains?: readonly string[] | ((domain: string) => boolean)
  /** Who may log in, and who has which address. Needed unless `router` is given; without it AUTH is not offered. */
  accounts?: Accounts
  /** Where the mail for each recipient goes. Default: made of `domains` and `accounts`. */
  router?: Router
  /** Where local mail is kept. `store` or `queue` is needed; both must share one storage. */
  store?: MailStore
  /** Takes mail for other servers. Default: none, and relaying is refused. `listen` starts it. */
  queue?: DeliveryQueue
  /** Checks, in their order. Default: none. */
  policies?: readonly Policy[]
  /** Key and certificate; STARTTLS is then offered and `tls: 'implicit'` possible. Default: no encryption. */
  tls?: TlsOptions
  /** Networks whose clients may relay without AUTH, such as `'192.0.2.0/24'` or `'::1'`. Default: none. */
  relayNetworks?: readonly string[]
  /** Networks of proxies that begin each connection with a PROXY protocol (version 1) header. Default: none. */
  proxyProtocol?: readonly string[]
  /** Whether AUTH is offered on connections that are not encrypted. Default: `false`. */
  allowInsecureAuth?: boolean
  /** Text behind the host name in the greeting. Default: none. */
  banner?: string
  /**
   * How long the greeting is held back. A client that speaks before it gets 554 and is cut off. Default: 0, where what
   * comes early simply waits.
   */
  greetingDelay?: Duration
  /**
   * Whether every author (`From:`) of what a user hands in must be one that the account may send as (`maySendAs`), as
   * the sender of the envelope must be: nobody is then signed for in another's name. Otherwise, and where the authors
   * cannot be made out, the answer is `550 5.7.1`. Default: `true`.
   */
  checkAuthor?: boolean
  /**
   * What becomes of a message with a CR or LF that is not part of a CRLF (RFC 5321 §2.3.8): `'reject'` answers `550
   * 5.6.11`, `'keep'` stores it byte for byte, for servers that relay to nobody who would take it for a line break.
   * Neither ends DATA in any case. Default: `'reject'`.
   */
  bareLineBreaks?: 'reject' | 'keep'
  /** A message with more `Received:` fields than this is refused with `554 5.4.6` (RFC 5321 §6.3). Default: 50. */
  maxHops?: number
  /** What one client may use. */
  limits?: SmtpLimits
  /** How long a client may take. */
  timeouts?: SmtpTimeouts
  /** How long one policy may take before the client is told to try later. Default: `'30s'`. */
  policyTimeout?: Duration
  /** How long accounts, router and storage may take before the client is told to try later. Default: `'1m'`. */
  handlerTimeout?: Duration
  /** How long `close` waits for transactions under way. Default: `'10s'`. */
  closeTimeout?: Duration
  /** How messages are held while they are received. */
  spool?: SmtpSpoolOptions
  /** Slows down the guessing of passwords; several servers may share one. Default: one of its own. */
  loginThrottle?: LoginThrottle
  /** Default: the system clock. */
  clock?: Clock
  /** Default: the network of the machine. */
  network?: Network
  /** Default: silent. */
  logger?: Logger
}

/** Limits of an SMTP server. */
export interface SmtpLimits {
  /** Octets of a message, as SIZE tells it. Default: 26,214,400 (25 MiB). */
  messageSize?: number
  /** Recipients of one transaction, at least 100 (RFC 5321 §4.5.3.1.8). Default: 1,000. */
  recipients?: number
  /** Open connections in total. Default: 1,000. */
  connections?: number
  /** Open connections of one client: an IPv4 address or an IPv6 /64. Default: 100. */
  connectionsPerAddress?: number
  /** Commands between two accepted messages. Default: 10,000. */
  commands?: number
  /** Commands refused with 5xx between two accepted messages. Default: 20. */
  errors?: number
  /** Failed logins in one connection. Default: 3. */
  failedLogins?: number
  /** Octets a second that must come in DATA, measured over each minute; 0 for any. Default: 100. */
  dataRate?: number
}

/** Deadlines of an SMTP server. None is moved by bytes that trickle in. */
export interface SmtpTimeouts {
  /** PROXY header and TLS handshake. Default: `'30s'`. */
  handshake?: Duration
  /** From one command to the end of the next (RFC 5321 §4.5.3.2.7). Default: `'5m'`. */
  command?: Duration
  /** AUTH, all its lines. Default: `'1m'`. */
  auth?: Duration
  /** DATA, the whole message. Default: `'1h'`. */
  data?: Duration
  /** MAIL to the end of the message. Default: `'2h'`. */
  transaction?: Duration
  /** The whole session. Default: `'1d'`. */
  session?: Duration
}

/** How messages are held while they are received. */
export interface SmtpSpoolOptions {
  /** Octets of one message kept in memory; a longer one goes to a temporary file. Default: 2 MiB. */
  memoryPerMessage?: number
  /** Octets of all messages kept in memory; those beyond go to temporary files at 64 KiB. Default: 256 MiB. */
  memory?: number
  /** Where temporary files are made. Default: the system's directory for such files. */
  directory?: string
}

/** Where and how to listen. */
export interface SmtpListenOptions {
  /** TCP port; 0 lets the system choose. */
  port?: number
  /** Address to bind. Default: every address of the machine. */
  host?: string
  /** Path of a unix socket, instead of port and host. */
  path?: string
  /**
   * `smtp` takes mail from anyone for local recipients; `submission` demands AUTH (RFC 6409); `lmtp` answers for each
   * recipient and never relays (RFC 2033). Default: `smtp`.
   */
  kind?: 'smtp' | 'submission' | 'lmtp'
  /** Default: `'starttls'` with a certificate, else `'none'`. */
  tls?: 'none' | 'starttls' | 'implicit'
}

const count = (least: number) => z.int().min(least)

const network = lazy(() =>
  z.string().refine(value => parseNetwork(value) !== undefined, {
    error: "expected an address or network such as '192.0.2.0/24'",
  }),
)

const limits = lazy(() =>
  z.strictObject({
    messageSize: count(1).default(26_214_400),
    recipients: count(100).default(1_000),
    connections: count(1).default(1_000),
    connectionsPerAddress: count(1).default(100),
    commands: count(1).default(10_000),
    errors: count(1).default(20),
    failedLogins: count(1).default(3),
    dataRate: count(0).default(100),
  }),
)

const timeouts = lazy(() =>
  z.strictObject({
    handshake: durationSchema.default(30_000),
    command: durationSchema.default(300_000),
    auth: durationSchema.default(60_000),
    data: durationSchema.default(3_600_000),
    transaction: durationSchema.default(7_200_000),
    session: durationSchema.default(86_400_000),
  }),
)

const spool = lazy(() =>
  z.strictObject({
    memoryPerMessage: count(0).default(2 * 1024 * 1024),
    memory: count(0).default(256 * 1024 * 1024),
    directory: z.string().optional(),
  }),
)

/** The schema of {@link SmtpServerOptions}. */
export const smtpServerOptionsSchema = lazy(() =>
  z.strictObject({
    hostname: hostnameSchema(),
    domains: z
      .union([z.array(z.string()), functionSchema<(domain: string) => boolean>('a function')])
      .optional(),
    accounts: shapeSchema<Accounts>('accounts', ['authenticate', 'find']).optional(),
    router: shapeSchema<Router>('a router', ['route', 'isLocal']).optional(),
    store: shapeSchema<MailStore>('a store', ['usage', 'mailbox']).optional(),
    queue: shapeSchema<DeliveryQueue>('a queue', ['accept', 'start', 'useRouter']).optional(),
    policies: z.array(z.custom<Policy>(isNamed, { error: 'expected a policy with a name' })).default([]),
    tls: tlsOptionsSchema().optional(),
    relayNetworks: z.array(network()).default([]),
    proxyProtocol: z.array(network()).default([]),
    allowInsecureAuth: z.boolean().default(false),
    banner: z
      .string()
      .regex(/^[ -~]*$/, { error: 'expected printable ASCII' })
      .default(''),
    greetingDelay: durationSchema.default(0),
    checkAuthor: z.boolean().default(true),
    bareLineBreaks: z.enum(['reject', 'keep']).default('reject'),
    maxHops: count(1).default(50),
    limits: limits().prefault({}),
    timeouts: timeouts().prefault({}),
    policyTimeout: durationSchema.default(30_000),
    handlerTimeout: durationSchema.default(60_000),
    closeTimeout: durationSchema.default(10_000),
    spool: spool().prefault({}),
    loginThrottle: shapeSchema<LoginThrottle>('a login throttle', ['begin', 'delayAfter']).optional(),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(systemClock),
    network: shapeSchema<Network>('a network', ['listen', 'connect']).default(nodeNetwork),
    logger: shapeSchema<Logger>('a logger', ['debug', 'info', 'warn', 'error']).optional(),
  }),
)

/** {@link SmtpServerOptions} with their defaults; durations in milliseconds. */
export type SmtpServerSettings = z.output<ReturnType<typeof smtpServerOptionsSchema>>

/** The schema of {@link SmtpListenOptions}. */
export const smtpListenOptionsSchema = lazy(() =>
  z.strictObject({
    port: z.int().min(0).max(65_535).optional(),
    host: z.string().optional(),
    path: z.string().min(1).optional(),
    kind: z.enum(['smtp', 'submission', 'lmtp']).default('smtp'),
    tls: z.enum(['none', 'starttls', 'implicit']).optional(),
  }),
)

function isNamed(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { name?: unknown }).name === 'string'
}

function parseNetwork(text: string): { address: string; prefix: number } | undefined {
  const [address = '', length, more] = text.split('/')
  const longest = isIPv6(address) ? 128 : 32
  if (isIP(address) === 0 || more !== undefined) return undefined
  const prefix = length === undefined ? longest : Number(length)
  const valid = length === undefined || (/^\d{1,3}$/.test(length) && prefix <= longest)
  return valid ? { address, prefix } : undefined
}

/** Tells whether an address is in one of some networks. */
export function createNetworkCheck(networks: readonly string[]): (address: string) => boolean {
  if (networks.length === 0) return () => false
  // A list for each family: in one with IPv6, BlockList takes every IPv4 address to be in `::ffff:0:0/96`.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const text of networks) {
    const parsed = parseNetwork(text)
    if (!parsed) continue
    const family = familyOf(parsed.address)
    lists[family].addSubnet(parsed.address, parsed.prefix, family)
  }
  return address => {
    const plain = address.replace(/%.*/, '')
    return isIP(plain) !== 0 && lists[familyOf(plain)].check(plain, familyOf(plain))
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4'
}
