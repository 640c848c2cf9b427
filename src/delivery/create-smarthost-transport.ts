import { parseOptions } from '../core/options.js'
import { createRelayTransport } from './create-relay-transport.js'
import type { RelayServer } from './open-relay-session.js'
import { type SmarthostTransportOptions, smarthostTransportSchema } from './relay-options.js'
import type { SmtpCredentials } from './smtp-client/authenticate.js'
import type { Transport } from './transport.js'

/**
 * Creates a transport that hands all mail to a server which sends it on: that of a provider, or of the company. Over TLS
 * with a verified certificate unless told otherwise (RFC 8314), logged in where there is `auth`. A refused login, like
 * anything else that says nothing about the message, defers it.
 * @throws MailError `OPTION_INVALID`, `CERTIFICATE_UNREADABLE` (`tlsOptions.ca`).
 */
export function createSmarthostTransport(options: SmarthostTransportOptions): Transport {
  const settings = parseOptions('createSmarthostTransport', smarthostTransportSchema(), options)
  const servers = settings.servers.map((server): RelayServer => {
    const { host, port, tls, verify } = server
    const auth = (server.auth ?? settings.auth) as SmtpCredentials | undefined
    return { host, port, tls, verify, lmtp: false, ...(auth && { auth }) }
  })
  return createRelayTransport('createSmarthostTransport', settings, servers)
}
