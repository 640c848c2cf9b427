import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { tryNormalizeDomain } from '../core/domain.js'
import { canonicalIp } from '../core/network.js'

/** Labels of atoms: host names, `_dmarc`, and what SPF macros make of local parts (RFC 7208 §7). */
const atomLabels = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,63}(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,63})*$/

/**
 * A name in the form it is asked for: A-labels, lower case, no trailing dot. `undefined` for what DNS could not
 * hold or nobody means to ask: address literals, empty or overlong labels, control characters.
 */
export function dnsName(text: string): string | undefined {
  const name = text.endsWith('.') ? text.slice(0, -1) : text
  if (name.startsWith('[')) return undefined
  const normal = tryNormalizeDomain(name)
  if (normal !== undefined) return normal
  const lower = name.toLowerCase()
  return lower.length <= 253 && atomLabels.test(lower) ? lower : undefined
}

/** A host name as a record carries it, or `undefined` when it is none. The root is `''`, as in a null MX (RFC 7505). */
export function hostOfRecord(text: string): string | undefined {
  if (text === '' || text === '.') return ''
  const name = text.endsWith('.') ? text.slice(0, -1) : text
  return /^[\w.-]+$/.test(name) ? tryNormalizeDomain(name) : undefined
}

/** An IP address in the one form records carry it in (RFC 5952), or `undefined` when it is none of that family. */
export function addressOfRecord(address: string, family: 4 | 6): string | undefined {
  if (family === 4) return isIPv4(address) ? address : undefined
  return isIPv6(address) && !address.includes('%')
    ? new SocketAddress({ address, family: 'ipv6' }).address
    : undefined
}

/** The name under which the names of an address stand (RFC 1035 §3.5, RFC 3596 §2.5), or `undefined` for no address. */
export function reverseName(address: string): string | undefined {
  const plain = canonicalIp(address).replace(/%.*$/, '')
  if (isIPv4(plain)) return `${plain.split('.').reverse().join('.')}.in-addr.arpa`
  if (!isIPv6(plain)) return undefined
  return `${expandIpv6(plain).split('').reverse().join('.')}.ip6.arpa`
}

/** The 32 hexadecimal digits of an IPv6 address. */
function expandIpv6(address: string): string {
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail = ''] = short.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':').map(group => group.padStart(4, '0')))
  const left = groups(head)
  const right = groups(tail)
  const zeros = Array<string>(8 - left.length - right.length).fill('0000')
  return [...left, ...zeros, ...right].join('')
}
