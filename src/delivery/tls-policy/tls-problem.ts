import type tls from 'node:tls'
import { describeError } from '../../core/error.js'
import { escapeControls } from '../../core/escape-controls.js'

/** The kinds of failures of RFC 8460 §4.3, by their names there. */
export type TlsProblemKind =
  | 'starttls-not-supported'
  | 'certificate-host-mismatch'
  | 'certificate-expired'
  | 'certificate-not-trusted'
  | 'validation-failure'
  | 'tlsa-invalid'
  | 'dnssec-invalid'
  | 'sts-policy-fetch-error'
  | 'sts-policy-invalid'
  | 'sts-webpki-invalid'

/** Why a connection is not as secure as it should be. */
export interface TlsProblem {
  readonly kind: TlsProblemKind
  /** For people; control characters escaped. */
  readonly reason: string
}

/** Says what is wrong with the certificate of a server, `undefined` when nothing is. */
export type PeerCheck = (socket: tls.TLSSocket) => TlsProblem | undefined

/** Makes a {@link TlsProblem}. */
export function tlsProblem(kind: TlsProblemKind, reason: string): TlsProblem {
  return { kind, reason: escapeControls(reason.slice(0, 500)) }
}

/** The public key infrastructure: a trusted issuer, and the name that the connection was opened with. */
export const checkPkix: PeerCheck = socket => {
  if (socket.authorized) return undefined
  const error: unknown = socket.authorizationError
  const code = codeOf(error)
  const reason = `the certificate is not trusted: ${describeError(error)}`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return tlsProblem('certificate-host-mismatch', reason)
  return tlsProblem(code === 'CERT_HAS_EXPIRED' ? 'certificate-expired' : 'certificate-not-trusted', reason)
}

/** Node.js hands some errors out as their bare code. */
function codeOf(error: unknown): unknown {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : error
}
