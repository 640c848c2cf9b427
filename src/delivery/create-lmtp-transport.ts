import { parseOptions } from '../core/options.js'
import { createRelayTransport } from './create-relay-transport.js'
import { type LmtpTransportOptions, lmtpTransportSchema } from './relay-options.js'
import type { Transport } from './transport.js'

/**
 * Creates a transport that hands all mail to a local delivery agent such as Dovecot over LMTP (RFC 2033), by TCP or a
 * unix socket. Each recipient gets the outcome the server tells for it after the message.
 * @throws MailError `OPTION_INVALID`, `CERTIFICATE_UNREADABLE` (`tlsOptions.ca`).
 */
export function createLmtpTransport(options: LmtpTransportOptions): Transport {
  const settings = parseOptions('createLmtpTransport', lmtpTransportSchema(), options)
  const { path, host = path ?? '', port, tls } = settings
  const place = path === undefined ? { host, port } : { host, port, path }
  return createRelayTransport('createLmtpTransport', settings, [{ ...place, tls, verify: true, lmtp: true }])
}
