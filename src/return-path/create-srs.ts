import { type Address, formatAddress, tryParseAddress } from '../core/address.js'
import { parseOptions } from '../core/options.js'
import { type SrsOptions, srsSchema } from './options.js'
import type { Srs } from './return-path.js'
import { createSealer, type Sealer } from './sealed-word.js'

/** Octets of a local part that other servers are sure to take would be 64; forwarders write, and take, longer ones. */
const longestLocalPart = 128

/**
 * Creates the Sender Rewriting Scheme of forwarded mail. `alice@oslo.test` becomes
 * `SRS0=3f9k2m7q=0w=oslo.test=alice@paris.test`: signature, day of forwarding, domain and user. What another forwarder
 * has rewritten already becomes `SRS1=…=its.domain=…`, which leads back to that forwarder alone, so that addresses do not
 * grow with each hop (Shevek, "The Sender Rewriting Scheme", 2004).
 * @throws MailError `OPTION_INVALID`.
 */
export function createSrs(options: SrsOptions): Srs {
  const { secret, domain, lifetime } = parseOptions('createSrs', srsSchema(), options)
  const sealer = createSealer(secret, lifetime)
  return {
    domain,
    forward: (sender, queuedAt) => {
      const address = sender === '' ? undefined : tryParseAddress(sender)
      if (!address || address.domain === domain || address.domain.startsWith('[')) return sender
      const localPart = rewrite(address, sealer, queuedAt)
      if (Buffer.byteLength(localPart) > longestLocalPart) return sender
      return formatAddress({ localPart, domain })
    },
    reverse: (address, now) => {
      if (address.domain !== domain) return undefined
      const original = restore(address.localPart, sealer, now)
      // What comes out has to be an address, whoever wrote it.
      return original && tryParseAddress(formatAddress(original)) ? formatAddress(original) : undefined
    },
  }
}

function rewrite({ localPart, domain }: Address, sealer: Sealer, now: number): string {
  const [kind, rest] = readTag(localPart)
  if (kind === 'SRS0') return `SRS1=${sealer.seal(['SRS1', domain, rest], now)}=${domain}=${rest}`
  if (kind === 'SRS1') {
    // The forwarder before us is left out: what counts is the first one, who knows the sender.
    const [, first, inner] = /^[=+-][^=]+=([^=]+)=(.+)$/.exec(rest) ?? []
    if (first !== undefined && inner !== undefined) {
      return `SRS1=${sealer.seal(['SRS1', first, inner], now)}=${first}=${inner}`
    }
  }
  const seal = sealer.seal(['SRS0', domain, localPart], now)
  return `SRS0=${seal.slice(2)}=${seal.slice(0, 2)}=${domain}=${localPart}`
}

function restore(localPart: string, sealer: Sealer, now: number): Address | undefined {
  const [kind, rest] = readTag(localPart)
  if (!kind) return undefined
  const form = kind === 'SRS0' ? /^=(\w+)=(\w+)=([^=]+)=(.+)$/s : /^=(\w+)()=([^=]+)=(.+)$/s
  const [, mac, day, domain, inner] = form.exec(rest) ?? []
  if (mac === undefined || day === undefined || domain === undefined || inner === undefined) return undefined
  if (!sealer.isSealed([kind, domain, inner], day + mac, now)) return undefined
  return { localPart: kind === 'SRS0' ? inner : `SRS0${inner}`, domain: domain.toLowerCase() }
}

/** `SRS0` or `SRS1`, and the rest with the separator it begins with: others use `+` or `-` there. */
function readTag(localPart: string): readonly [kind: 'SRS0' | 'SRS1' | undefined, rest: string] {
  const [, digit, rest] = /^SRS([01])([=+-].+)$/is.exec(localPart) ?? []
  return digit === undefined || rest === undefined ? [undefined, ''] : [digit === '0' ? 'SRS0' : 'SRS1', rest]
}
