import { z } from 'zod'
import type { Accounts } from '../../accounts/accounts.js'
import type { UserOptions } from '../../accounts/static/options.js'
import { tryNormalizeDomain } from '../../core/domain.js'
import type { Duration } from '../../core/duration.js'
import type { Network } from '../../core/network.js'
import { durationSchema, functionSchema, lazy, shapeSchema } from '../../core/options.js'
import type { VirtualClock } from '../../core/virtual-clock.js'
import type { DnsZone } from '../../dns/zone/create-dns-zone.js'
import type { MailServerOptions } from '../../mail-server.js'

/** Options of `createTestMail`. All may be left out. */
export interface TestMailOptions {
  /** The name of the host, in greetings and in its certificate. Default: `'mail.test'`. */
  hostname?: string
  /**
   * The domains whose mail is kept here; mail for others is delivered by `dns`, to clients who logged in. Default: every
   * domain, so that nothing ever leaves.
   */
  domains?: readonly string[]
  /**
   * Who may log in, and who has which address: users, or accounts of your own. Default: anybody, with any password, and
   * every address has a mailbox once mail comes for it.
   */
  users?: readonly UserOptions[] | Accounts
  /** Address to listen on. Default: `'127.0.0.1'`, so that nobody else reaches it. */
  host?: string
  /**
   * Whether the plain ports offer encryption (STARTTLS, STLS). Without, clients get on that know nothing of `mail.tls.ca`, as
   * one does that was given a URL alone. The encrypted ports are there in any case. Default: `true`.
   */
  tls?: boolean
  /** How many messages are kept: for one more the oldest is forgotten, as by `forget()`. Default: all of them. */
  maxMessages?: number
  /** Ports to listen on. Default: 0 for each, a free one. */
  ports?: TestMailPorts
  /** Time of the server: retries, expiry, deadlines. Default: one that runs from now on and can be put forward. */
  clock?: VirtualClock
  /** Where mail exchangers, SPF, DKIM and DMARC records are looked up; `mail.dns`. Default: an empty zone. */
  dns?: DnsZone
  /**
   * The way to other servers. Default: that of a simulated network on which there is nobody. Clients always reach
   * the server on the machine's loopback.
   */
  network?: Pick<Network, 'connect'>
  /** How long waits take at most, in real time. Default: `'4s'`, less than test runners wait. */
  waitTimeout?: Duration
  /** What `message.click()` and `message.unsubscribe()` ask the web by. Default: none, and they fail. */
  fetch?: typeof fetch
  /** More options of `createMailServer`, such as `policies`, `retry` or `smtp`; they go before those here. */
  server?: Partial<MailServerOptions>
}

/** Ports of a test mail. */
export interface TestMailPorts {
  /** SMTP, with STARTTLS. */
  smtp?: number
  /** SMTP, encrypted from the start. */
  smtps?: number
  /** POP3, with STLS. */
  pop3?: number
  /** POP3, encrypted from the start. */
  pop3s?: number
}

const port = lazy(() => z.int().min(0).max(65_535).default(0))

const isAccounts = (value: unknown): value is Accounts =>
  typeof (value as Partial<Accounts> | null)?.authenticate === 'function'

/** The schema of {@link TestMailOptions}. */
export const testMailSchema = lazy(() =>
  z.strictObject({
    hostname: z
      .string()
      .refine(name => tryNormalizeDomain(name) !== undefined, {
        error: "expected a name such as 'mail.test'",
      })
      .default('mail.test'),
    domains: z.array(z.string()).min(1).optional(),
    users: z
      .custom<readonly UserOptions[] | Accounts>(value => Array.isArray(value) || isAccounts(value), {
        error: 'expected a list of users, or accounts',
      })
      .optional(),
    host: z.string().min(1).default('127.0.0.1'),
    tls: z.boolean().default(true),
    maxMessages: z.int().min(1).default(Number.MAX_SAFE_INTEGER),
    ports: z.strictObject({ smtp: port(), smtps: port(), pop3: port(), pop3s: port() }).prefault({}),
    clock: shapeSchema<VirtualClock>('a virtual clock', ['advance', 'settled', 'schedule']).optional(),
    dns: shapeSchema<DnsZone>('a DNS zone', ['set', 'mx', 'addresses', 'txt']).optional(),
    network: shapeSchema<Pick<Network, 'connect'>>('a network', ['connect']).optional(),
    waitTimeout: durationSchema.prefault('4s'),
    fetch: functionSchema<typeof fetch>('a function such as fetch').optional(),
    server: z
      .custom<Partial<MailServerOptions>>(value => typeof value === 'object' && value !== null, {
        error: 'expected options of createMailServer',
      })
      .optional(),
  }),
)

/** {@link TestMailOptions} with their defaults; durations in milliseconds. */
export type TestMailSettings = z.output<ReturnType<typeof testMailSchema>>
