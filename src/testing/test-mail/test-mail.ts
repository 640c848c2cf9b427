import type { Closable } from '../../core/lifecycle.js'
import type { VirtualClock } from '../../core/virtual-clock.js'
import type { DnsZone } from '../../dns/zone/create-dns-zone.js'
import type { MailServer } from '../../mail-server.js'
import type { RecordedSession } from '../recording/session-log.js'
import type { Inbox } from '../waiting/inbox.js'
import type { ServiceSettings, SmtpSettings } from './connection-settings.js'

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
   * `POP3_HOST`, `POP3_PORT` and `POP3S_PORT`.
   * @param prefix - put before each name. Default: nothing.
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
}
