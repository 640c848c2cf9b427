import { constants, createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import { z } from 'zod'
import { describeError, MailError } from './error.js'
import { lazy } from './options.js'

/** Key and certificate of a server, as its `tls` option takes them. */
export interface TlsOptions {
  /** Private key: PEM text or bytes, or the path of a PEM file. */
  key: string | Uint8Array
  /** Certificate, the chain after it: PEM text or bytes, or the path of a PEM file. */
  cert: string | Uint8Array
  /** Certificates of issuers that complete the chain, in the same forms. Default: none. */
  ca?: string | Uint8Array
  /** Opens an encrypted key. */
  passphrase?: string
  /** Default: `'TLSv1.2'` (RFC 8996 ends what is older). */
  minVersion?: 'TLSv1.2' | 'TLSv1.3'
}

/** What {@link readTlsOptions} made of them: PEM, read and tried. */
export interface TlsCredentials {
  readonly key: Buffer
  readonly cert: Buffer
  readonly ca?: Buffer
  readonly passphrase?: string
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** Ready for `new TLSSocket(socket, { isServer: true, secureContext })`; refuses renegotiation. */
  readonly context: tls.SecureContext
}

const pem = lazy(() =>
  z.custom<string | Uint8Array>(
    value => (typeof value === 'string' && value !== '') || value instanceof Uint8Array,
    { error: 'expected PEM text or bytes, or the path of a PEM file' },
  ),
)

/** A schema of {@link TlsOptions}. */
export const tlsOptionsSchema = lazy(() =>
  z.strictObject({
    key: pem(),
    cert: pem(),
    ca: pem().optional(),
    passphrase: z.string().optional(),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).optional(),
  }),
)

/**
 * Reads key and certificate and tries them, at once, so that a server never starts without.
 * @throws MailError `CERTIFICATE_UNREADABLE` naming the option, never the key.
 */
export function readTlsOptions(
  factory: string,
  options: z.output<ReturnType<typeof tlsOptionsSchema>>,
): TlsCredentials {
  const material = {
    key: readPem(factory, 'tls.key', options.key),
    cert: readPem(factory, 'tls.cert', options.cert),
    ...(options.ca === undefined ? {} : { ca: readPem(factory, 'tls.ca', options.ca) }),
    ...(options.passphrase === undefined ? {} : { passphrase: options.passphrase }),
    minVersion: options.minVersion ?? 'TLSv1.2',
  }
  return { ...material, context: createContext(factory, material) }
}

function readPem(factory: string, option: string, given: string | Uint8Array): Buffer {
  if (typeof given !== 'string') return Buffer.from(given)
  if (given.includes('-----BEGIN')) return Buffer.from(given)
  try {
    return readFileSync(given)
  } catch (thrown) {
    // What was meant to be a path may be a key without its PEM lines: the system's message would show it.
    if (option === 'tls.key')
      throw unreadable(`${factory}: ${option}: is no PEM text, nor a file that can be read`)
    throw unreadable(`${factory}: ${option}: cannot read the file: ${describeError(thrown)}`, thrown)
  }
}

function createContext(factory: string, material: Omit<TlsCredentials, 'context'>): tls.SecureContext {
  try {
    assertKeyFits(material)
    return tls.createSecureContext({ ...material, secureOptions: constants.SSL_OP_NO_RENEGOTIATION })
  } catch (thrown) {
    throw unreadable(`${factory}: tls: key and certificate do not work: ${describeError(thrown)}`, thrown)
  }
}

/** OpenSSL takes a key of another type than the certificate's, and then fails at each handshake. */
function assertKeyFits({ key, cert, passphrase }: Omit<TlsCredentials, 'context'>): void {
  const privateKey = createPrivateKey(passphrase === undefined ? key : { key, passphrase })
  if (new X509Certificate(cert).checkPrivateKey(privateKey)) return
  throw new Error('the key does not belong to the certificate')
}

function unreadable(message: string, cause?: unknown): MailError {
  return new MailError('CERTIFICATE_UNREADABLE', message, cause === undefined ? {} : { cause })
}
