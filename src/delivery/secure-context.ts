import { X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { describeError, MailError } from '../core/error.js'
import type { MxTransportSettings } from './options.js'

/** What TLS as a client is done with. @throws MailError `CERTIFICATE_UNREADABLE` naming the factory. */
export function makeSecureContext(
  factory: string,
  { ca, minVersion }: MxTransportSettings['tlsOptions'],
): tls.SecureContext {
  const issuers = ca === undefined ? undefined : [ca].flat().map(one => Buffer.from(one))
  try {
    // Node.js passes over what is no certificate.
    for (const issuer of issuers ?? []) new X509Certificate(issuer)
    return tls.createSecureContext({ minVersion, ...(issuers && { ca: issuers }) })
  } catch (error) {
    const message = `${factory}: tlsOptions.ca: cannot be read: ${describeError(error)}`
    throw new MailError('CERTIFICATE_UNREADABLE', message, { cause: error })
  }
}
