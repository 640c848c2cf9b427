/** A response line of SMTP, at most (RFC 4954 §4.1), without CRLF. */
const longestResponse = 12_288
/** Of each of name, password and authorization identity, in octets. */
const longestField = 1_024

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The text of a SASL message: canonical base64 (RFC 4648 §4, no spaces, padding and spare bits as they must be) of valid
 * UTF-8. `undefined` for anything else, and for more than 12,288 octets.
 */
export function decodeSaslText(response: string): string | undefined {
  if (response.length > longestResponse || !base64.test(response)) return undefined
  const bytes = Buffer.from(response, 'base64')
  if (bytes.toString('base64') !== response) return undefined
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** What a PLAIN message says. */
export interface PlainCredentials {
  readonly kind: 'credentials'
  readonly username: string
  readonly password: string
  readonly actAs?: string
}

/**
 * Reads `[authzid] NUL authcid NUL passwd` (RFC 4616 §2); `undefined` for another number of NULs, an empty name or
 * password, other control characters (RFC 4013 §2.3), or a field over 1,024 octets.
 */
export function readPlain(message: string): PlainCredentials | undefined {
  const fields = message.split('\0', 4)
  const [actAs = '', username = '', password = ''] = fields
  if (fields.length !== 3 || username === '' || password === '' || !fields.every(isClean)) return undefined
  return { kind: 'credentials', username, password, ...(actAs === '' ? {} : { actAs }) }
}

function isClean(field: string): boolean {
  return Buffer.byteLength(field) <= longestField && !/[\u0000-\u001f\u007f-\u009f]/.test(field)
}
