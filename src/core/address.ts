import { displayDomain, tryNormalizeDomain } from './domain.js'
import { MailError } from './error.js'

/**
 * A mailbox address in its parts (RFC 5321 §4.1.2). Domains compare without regard to case and in A-labels;
 * local parts belong to the domain's owner and are kept as they came.
 */
export interface Address {
  /** Without quotes and escapes: `"john smith"@…` has the local part `john smith`. Case is kept. */
  readonly localPart: string
  /** In A-labels, lower case; or an address literal. `''` only for the bare `postmaster` of RFC 5321 §4.5.1. */
  readonly domain: string
}

/** Limits of RFC 5321 §4.5.3.1, octets. Local parts up to 128 are taken, as forwarders write long ones. */
const longestLocalPart = 128
const longestAddress = 254

/**
 * Parses `local@domain`, quoted local parts, UTF-8 (RFC 6531), IDN and address literals included.
 * @throws MailError `ADDRESS_INVALID` naming the address and what is wrong with it.
 */
export function parseAddress(text: string): Address {
  const address = typeof text === 'string' ? tryParseAddress(text) : undefined
  if (address) return address
  throw new MailError(
    'ADDRESS_INVALID',
    `address: got ${JSON.stringify(text)}, expected a mailbox such as 'alice@example.test'`,
  )
}

/** {@link parseAddress}, with `undefined` for what is no address. */
export function tryParseAddress(text: string): Address | undefined {
  const at = text.lastIndexOf('@')
  if (at < 1 || isLonger(text, longestAddress)) return undefined
  const localPart = unquoteLocalPart(text.slice(0, at))
  const domain = tryNormalizeDomain(text.slice(at + 1))
  if (localPart === undefined || domain === undefined) return undefined
  return { localPart, domain }
}

/** `Dot-string` of RFC 5321 §4.1.2: what nearly every local part is. */
const plainDotString = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/
/** The same with the UTF-8 of RFC 6531 §3.3 (no control, space or format characters). */
const dotString = /^[^\s"(),:;<>@[\\\]\p{C}\u007f.]+(?:\.[^\s"(),:;<>@[\\\]\p{C}\u007f.]+)*$/u
/** `Quoted-string`: qtextSMTP, quoted-pairSMTP, UTF-8. */
const quotedString = /^"((?:[^"\\\p{C}\u2028\u2029]|\\[\u0020-\u007e])*)"$/u

function isDotString(text: string): boolean {
  return plainDotString.test(text) || dotString.test(text)
}

function unquoteLocalPart(raw: string): string | undefined {
  if (isLonger(raw, longestLocalPart)) return undefined
  if (isDotString(raw)) return raw
  return quotedString.exec(raw)?.[1]?.replace(/\\(.)/g, '$1') || undefined
}

/** Whether text has more octets than `limit`. Counts them only where it may matter: a character has 1 to 3 a unit. */
function isLonger(text: string, limit: number): boolean {
  return text.length > limit || (text.length * 3 > limit && Buffer.byteLength(text) > limit)
}

/** The wire form: quotes where the local part needs them, A-labels in the domain. */
export function formatAddress(address: Address): string {
  const { localPart, domain } = address
  const local = isDotString(localPart) ? localPart : `"${localPart.replace(/["\\]/g, '\\$&')}"`
  return domain === '' ? local : `${local}@${domain}`
}

/** The form for people: U-labels in the domain. */
export function displayAddress(address: Address): string {
  return formatAddress({ localPart: address.localPart, domain: displayDomain(address.domain) })
}

/**
 * The form under which one recipient is told from another: domain in A-labels, letters in lower case, Unicode in
 * NFC. Two RCPT that differ in nothing else name one mailbox.
 */
export function addressKey(address: Address): string {
  return `${address.localPart.normalize('NFC').toLowerCase()}@${address.domain}`
}

/** Whether the address can only travel with SMTPUTF8 (RFC 6531): its local part is not ASCII. */
export function needsSmtpUtf8(address: Address): boolean {
  return /[^\u0000-\u007f]/.test(address.localPart)
}

/** `user` and `detail` of `user+detail` (RFC 5233), or `undefined` where there is no detail. */
export function splitDetail(
  address: Address,
  separator = '+',
): { base: Address; detail: string } | undefined {
  const at = address.localPart.indexOf(separator)
  if (at < 1) return undefined
  return {
    base: { localPart: address.localPart.slice(0, at), domain: address.domain },
    detail: address.localPart.slice(at + separator.length),
  }
}
