import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { domainToASCII, domainToUnicode } from 'node:url'
import { MailError } from './error.js'

/**
 * A domain in the one form the flow compares and looks up: A-labels (RFC 5890), lower case, no trailing
 * dot; or an address literal as `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
 * @throws MailError `DOMAIN_INVALID`.
 */
export function normalizeDomain(domain: string): string {
  const normal = typeof domain === 'string' ? tryNormalizeDomain(domain) : undefined
  if (normal === undefined) {
    throw new MailError(
      'DOMAIN_INVALID',
      `domain: got ${JSON.stringify(domain)}, expected a name such as 'example.test' or a literal such as '[192.0.2.1]'`,
    )
  }
  return normal
}

/** {@link normalizeDomain}, with `undefined` for what is no domain. */
export function tryNormalizeDomain(domain: string): string | undefined {
  const before = known.get(domain)
  if (before !== undefined) return before
  const normal = normalize(domain)
  if (normal !== undefined) remember(domain, normal)
  return normal
}

/** A domain, or `*.` and a domain, with that in the form of {@link normalizeDomain}; `undefined` for anything else. */
export function tryNormalizeDomainPattern(pattern: string): string | undefined {
  const wildcard = pattern.startsWith('*.') ? '*.' : ''
  const name = tryNormalizeDomain(pattern.slice(wildcard.length))
  return name === undefined ? undefined : wildcard + name
}

/** The domains of late. A message names few, each of them many times on its way. */
const known = new Map<string, string>()
const mostKnown = 1_000

function remember(domain: string, normal: string): void {
  if (known.size >= mostKnown) known.clear()
  known.set(domain, normal)
}

function normalize(domain: string): string | undefined {
  if (domain.startsWith('[')) return normalizeLiteral(domain)
  const lower = domain.length > longestGiven ? '' : domain.toLowerCase()
  const name = plainName.test(lower) && !lower.includes('xn--') ? lower : toALabels(lower)
  return name.length <= 253 && hostName.test(name) && !numericEnd.test(name) ? name : undefined
}

/** No text longer than this has a form in A-labels that a domain may have, but it would take long to find out. */
const longestGiven = 1000
const plainName = /^[a-z0-9_.-]+$/
/** Letters, digits, hyphens and, as real hosts have them, underscores; labels of 1 to 63; no trailing dot. */
const hostName = /^(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/
/** What some readers take for an IPv4 address, which a domain is not: no top level is a number (RFC 3696 §2). */
const numericEnd = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/

function toALabels(domain: string): string {
  // domainToASCII reads a URL's host, which may be an IPv4 number or hold escapes: neither belongs in mail.
  const name = /[%/?#@:[\]\\\s\u0000-\u0020]/.test(domain) ? '' : domainToASCII(domain).toLowerCase()
  return hasFalsePunycode(name) ? '' : name
}

/** Whether a label begins as an A-label but stands for no other one. Node.js 22 and later let such names pass. */
function hasFalsePunycode(name: string): boolean {
  return name.includes('xn--') && /(?:^|\.)xn--/.test(domainToUnicode(name) || 'xn--')
}

function normalizeLiteral(literal: string): string | undefined {
  if (!literal.endsWith(']')) return undefined
  const inner = literal.slice(1, -1)
  if (isIPv4(inner)) return literal
  const address = /^ipv6:(.+)$/i.exec(inner)?.[1]
  if (address === undefined || !isIPv6(address) || address.includes('%')) return undefined
  return `[IPv6:${new SocketAddress({ address, family: 'ipv6' }).address}]`
}

/** The IP address inside an address literal, or `undefined` for a name. */
export function literalAddress(domain: string): string | undefined {
  if (!domain.startsWith('[')) return undefined
  return domain.slice(1, -1).replace(/^ipv6:/i, '')
}

/** A domain with its U-labels, for people to read. */
export function displayDomain(domain: string): string {
  return domain.includes('xn--') ? domainToUnicode(domain) || domain : domain
}
