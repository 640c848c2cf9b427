import type { Events } from '../core/events.js'
import type { Closable } from '../core/lifecycle.js'
import type { Listener } from '../core/network.js'
import type { SmtpServerEvents } from './events.js'
import type { SmtpListenOptions } from './options.js'

/** Takes mail by SMTP and LMTP. Made by `createSmtpServer`. */
export interface SmtpServer extends Closable, Events<SmtpServerEvents> {
  /**
   * Opens a listener and starts the queue. May be called for several, of any kinds.
   * @throws MailError `OPTION_INVALID`, `PORT_IN_USE`, `LISTEN_FAILED`, `CLOSED`.
   */
  listen(options?: SmtpListenOptions): Promise<Listener>
  /** The open listeners, in the order of `listen`. */
  readonly listeners: readonly Listener[]
  /** Connections that are open now. */
  readonly connections: number
}
