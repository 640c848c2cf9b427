import type { Closable } from '../../core/lifecycle.js'
import type { VirtualClock } from '../../core/virtual-clock.js'
import type { DnsZone } from '../../dns/zone/create-dns-zone.js'
import type { MailServer } from '../../mail-server.js'
import type { OutgoingMessage, SentMessage } from '../../queue/outgoing-message.js'
import type { MailState } from '../isolation/mail-state.js'
import type { SeedMessage, SeedOptions } from '../isolation/seed.js'
import type { Tenant } from '../isolation/tenant.js'
import type { TestMessage } from '../messages/test-message.js'
import type { Arrival } from '../recording/arrival.js'
import type { RecordedSession } from '../recording/session-log.js'
import type { Inbox } from '../waiting/inbox.js'
import type { ServiceSettings, SmtpSettings } from './connection-settings.js'
import type { RouteTarget } from './locals.js'

/** A mail server for tests: SMTP and POP3 on loopback, and all that arrived. Made by `createTestMail`. */
export interface TestMail extends Inbox, Closable {
  /** The name of the host. */
  readonly hostname: string
  readonly smtp: SmtpSettings
  readonly pop3: ServiceSettings
  /** Key and certificate of the server; `ca` is what a client trusts it by. PEM. */
  readonly tls: { readonly key: string; readonly cert: string; readonly ca: string }
  /**
   * Where and as whom to log in, as `SMTP_HOST`, `SMTP_PORT`, `SMTPS_PORT`, `SMTP_USER`, `SMTP_PASSWORD`, `SMTP_URL`,
   * `POP3_HOST`, `POP3_PORT` and `POP3S_PORT`; and `NODE_EXTRA_CA_CERTS`, by which another process of Node.js trusts the
   * certificate: a file that is there until `close()`.
   * @param prefix - put before each name but the last. Default: nothing.
   */
  env(prefix?: string): Record<string, string>
  /** The time of the server; `await mail.clock.advance('30h')`. */
  readonly clock: VirtualClock
  /** The DNS of the server: mail exchangers, SPF, DKIM and DMARC records. */
  readonly dns: DnsZone
  /** The server and its parts: `server.queue`, `server.store`. */
  readonly server: MailServer
  /** SMTP sessions so far, the last 1,000 of them. */
  readonly sessions: readonly RecordedSession[]
  /**
   * Calls `listener` for each message that arrives, as it does, until the returned function is called: of clients, of the
   * app's queue, bounces.
   */
  onArrival(listener: (arrival: Arrival) => void): () => void
  /**
   * Has mail for a domain delivered to a server of the app, on this machine: sets its records in `dns` and the way to
   * it. What is sent or replied to it then goes through queue and SMTP, as from outside.
   * @throws MailError `DOMAIN_INVALID`.
   */
  route(domain: string, target: RouteTarget): void
  /** Sends a message, as a correspondent of the app. @throws MailError as `queue.send` does. */
  send(message: OutgoingMessage): Promise<SentMessage>
  /** A part of this server for one test: own addresses and credentials, own mail. Costs nothing, needs no end. */
  tenant(): Tenant
  /** All mail as it is now: arrivals, mailboxes, queue, and what the queue remembers. */
  snapshot(): Promise<MailState>
  /**
   * Puts all mail back as it was, also that of another test mail. Messages get new UIDs, queue entries new ids; an attempt
   * that was under way is made again. Time stays.
   */
  restore(state: MailState): Promise<void>
  /**
   * Forgets a message that arrived, and its copies in mailboxes but for those that `restore()` wrote. What the queue has of
   * it is still delivered.
   */
  forget(message: Pick<TestMessage, 'number'>): Promise<void>
  /**
   * Forgets all mail, arrivals and sessions that are over. What a client is sending meanwhile is waited for, and a message
   * that it has begun and does not end will not arrive.
   */
  reset(): Promise<void>
  /**
   * Puts mail into mailboxes, as if it had been there before: it does not arrive.
   * @param source - an `.eml` file, a directory of such, a Maildir, an mbox file, or messages
   * @returns how many messages were put in
   * @throws MailError `OPTION_INVALID`; `FILE_FAILED`, also for what could not be brought over as it is.
   */
  seed(source: string | readonly SeedMessage[], options?: SeedOptions): Promise<number>
}
