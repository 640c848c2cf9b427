import { createHmac, timingSafeEqual } from 'node:crypto'
import { MailError } from '../core/error.js'

/*
 * Signatures of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`, base64, with
 * the version before it. Libraries for most languages check them.
 */

/** What is signed. `timestamp` in seconds since the epoch. */
export interface SignedContent {
  readonly id: string
  readonly timestamp: number
  readonly body: string | Uint8Array
}

/** The key of a secret: the octets behind `whsec_` in base64, or the text itself. */
export function webhookKey(secret: string): Buffer {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret)
}

/** `v1,` and the signature. */
export function signWebhook({ id, timestamp, body }: SignedContent, secret: string): string {
  const mac = createHmac('sha256', webhookKey(secret)).update(`${id}.${timestamp}.`).update(body)
  return `v1,${mac.digest('base64')}`
}

/** What {@link verifyWebhook} checks a request with. */
export interface VerifyWebhookOptions {
  /** The secret of `createWebhookTransport`; several while it is changed. */
  secret: string | readonly string[]
  /** Of the request, by lower-case name, as Node.js has them. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** As it came, before any parsing. */
  body: string | Uint8Array
  /** Epoch milliseconds. */
  now: number
  /** By how many milliseconds the timestamp may be off. Default: five minutes. */
  tolerance?: number
}

/** Whether a request comes from a holder of the secret, and is no replay of an old one. */
export function verifyWebhook(options: VerifyWebhookOptions): boolean {
  const { headers, body, now, tolerance = 300_000 } = options
  const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map(name => headers[`webhook-${name}`])
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') return false
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp) * 1_000) > tolerance) return false
  const content = { id, timestamp: Number(timestamp), body }
  const right = [options.secret].flat().map(secret => Buffer.from(signWebhook(content, checkSecret(secret))))
  return signatures.split(' ', 20).some(given => right.some(one => isSame(one, Buffer.from(given))))
}

function checkSecret(secret: unknown): string {
  if (typeof secret === 'string' && webhookKey(secret).length > 0) return secret
  throw new MailError('OPTION_INVALID', 'verifyWebhook: secret: expected a text that is not empty')
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
