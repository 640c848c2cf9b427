import { X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { describeError, MailError } from '../core/error.js'
import { guardLogger } from '../core/logger.js'
import { parseOptions } from '../core/options.js'
import { ConnectionPool } from './connection-pool.js'
import { MxAttempt, type MxContext } from './mx-attempt.js'
import { type MxTransportOptions, type MxTransportSettings, mxTransportSchema } from './options.js'
import type { Transport } from './transport.js'

/**
 * Creates the transport of the internet: looks up the mail exchangers of a destination, tries them in their order and
 * delivers over SMTP (RFC 5321 §5.1).
 * @throws MailError `OPTION_INVALID`, `CERTIFICATE_UNREADABLE` (`tlsOptions.ca`).
 */
export function createMxTransport(options: MxTransportOptions): Transport {
  const settings = parseOptions('createMxTransport', mxTransportSchema, options)
  const pool = new ConnectionPool(settings.clock, settings.connections)
  const context: MxContext = {
    ...settings,
    logger: guardLogger(settings.logger),
    secureContext: makeSecureContext(settings.tlsOptions),
    pool,
  }
  return {
    deliver: (delivery, signal) => settings.clock.track(new MxAttempt(context, delivery, signal).run()),
    close: async () => pool.close(),
  }
}

function makeSecureContext({ ca, minVersion }: MxTransportSettings['tlsOptions']): tls.SecureContext {
  const issuers = ca === undefined ? undefined : [ca].flat().map(one => Buffer.from(one))
  try {
    // Node.js passes over what is no certificate.
    for (const issuer of issuers ?? []) new X509Certificate(issuer)
    return tls.createSecureContext({ minVersion, ...(issuers && { ca: issuers }) })
  } catch (error) {
    const message = `createMxTransport: tlsOptions.ca: cannot be read: ${describeError(error)}`
    throw new MailError('CERTIFICATE_UNREADABLE', message, { cause: error })
  }
}
