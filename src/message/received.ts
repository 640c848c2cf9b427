import { isIP, isIPv6 } from 'node:net'
import { formatAddress, tryParseAddress } from '../core/address.js'
import { tryNormalizeDomain } from '../core/domain.js'
import { formatDate } from './date.js'
import { foldTokens } from './fold.js'

/** What a `Received:` field tells. An SMTP session has most of it under these names. */
export interface ReceivedInfo {
  /** What EHLO, HELO or LHLO named, as sent. */
  readonly hello?: string | undefined
  /** IP address of the client; `''` for a unix socket. */
  readonly remoteAddress: string
  /** Name of that address, where a PTR lookup found one that leads back to it. */
  readonly remoteName?: string | undefined
  /** This server. */
  readonly hostname: string
  readonly kind: 'smtp' | 'submission' | 'lmtp'
  /** Whether the client said EHLO or LHLO. */
  readonly extended: boolean
  /** Set when the connection was encrypted. */
  readonly tls?: { readonly version: string; readonly cipher: string } | undefined
  /** Account of the user who logged in. Only that there was one is written. */
  readonly account?: string | undefined
  /** Whether MAIL carried SMTPUTF8. */
  readonly smtputf8?: boolean | undefined
  /** Trace id of the message. */
  readonly id: string
  /** The recipient, when there is but one: the field must not tell one of the others (RFC 5321 §7.6). */
  readonly recipient?: string | undefined
  /** Epoch milliseconds. */
  readonly receivedAt: number
}

/**
 * The time stamp line that a server puts on top of a message it takes (RFC 5321 §4.4), CRLF included, folded to 78
 * columns where it can be. Nothing in `info` can break out of its place: names and words keep only the characters
 * they may have, and what is no address is left out.
 */
export function formatReceived(info: ReceivedInfo): string {
  const tokens = [`from ${word(info.hello)}`, `(${tcpInfo(info)})`, `by ${word(info.hostname)}`]
  tokens.push(`with ${transmissionType(info)}`)
  if (info.tls) tokens.push(`(${word(info.tls.version)} ${word(info.tls.cipher)})`)
  tokens.push(`id ${word(info.id)}`)
  const recipient = info.recipient === undefined ? undefined : tryParseAddress(info.recipient)
  if (recipient) tokens.push(`for <${formatAddress(recipient)}>`)
  tokens.push(formatDate(info.receivedAt))
  const stamped = tokens.length - 2
  tokens[stamped] += ';'
  return foldTokens('Received:', tokens)
}

/** The `Return-Path:` line of final delivery (RFC 5321 §4.4), CRLF included. `''` is the null sender. */
export function formatReturnPath(sender: string): string {
  const address = sender === '' ? undefined : tryParseAddress(sender)
  return `Return-Path: <${address ? formatAddress(address) : ''}>\r\n`
}

/**
 * The protocol of a `with` clause: RFC 5321 §4.4, RFC 3848 for its suffixes (S encrypted, A authenticated), RFC 6531
 * §4.3 for UTF8.
 */
export function transmissionType(
  info: Pick<ReceivedInfo, 'kind' | 'extended' | 'tls' | 'account' | 'smtputf8'>,
): string {
  const suffix = `${info.tls ? 'S' : ''}${info.account === undefined ? '' : 'A'}`
  if (info.kind === 'lmtp') return `${info.smtputf8 ? 'UTF8' : ''}LMTP${suffix}`
  if (info.smtputf8) return `UTF8SMTP${suffix}`
  return info.extended ? `ESMTP${suffix}` : 'SMTP'
}

/** `TCP-info` of RFC 5321 §4.4: what this server knows of the client, as against what the client says. */
function tcpInfo(info: ReceivedInfo): string {
  const name = info.remoteName === undefined ? undefined : tryNormalizeDomain(info.remoteName)
  const literal = addressLiteral(info.remoteAddress)
  return name === undefined ? literal : `${name} ${literal}`
}

function addressLiteral(address: string): string {
  if (isIP(address) === 0) return 'local'
  return isIPv6(address) ? `[IPv6:${address.replace(/%.*/, '')}]` : `[${address}]`
}

/** What a client named, without a character that means anything in a header; `unknown` for nothing. */
function word(text = ''): string {
  return text.slice(0, 255).replace(/[^A-Za-z0-9._:[\]-]/g, '_') || 'unknown'
}
