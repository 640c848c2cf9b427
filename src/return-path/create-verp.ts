import { formatAddress, tryParseAddress } from '../core/address.js'
import { parseOptions } from '../core/options.js'
import { type VerpOptions, verpSchema } from './options.js'
import type { Verp } from './return-path.js'
import { createSealer, sealLength } from './sealed-word.js'

/** Octets of a local part (RFC 5321 §4.5.3.1.1). */
const longestLocalPart = 64

/**
 * Creates variable envelope return paths: mail from `news@paris.test` to `bob@rome.test` leaves with the sender
 * `news+bob=rome.test+0w3f9k2m7q@paris.test`. The last word is a signature (HMAC-SHA-256, 40 bits, dated), as in BATV,
 * so that a bounce to such an address is one of our own mail.
 * @throws MailError `OPTION_INVALID`.
 */
export function createVerp(options: VerpOptions): Verp {
  const { secret, delimiter, perRecipient, lifetime } = parseOptions('createVerp', verpSchema(), options)
  const sealer = createSealer(secret, lifetime)
  return {
    perRecipient,
    encode: (sender, recipient, queuedAt) => {
      const address = sender === '' ? undefined : tryParseAddress(sender)
      if (!address) return sender
      const { localPart: user, domain } = address
      const named = perRecipient ? encodeRecipient(recipient) : undefined
      const words = (word: string) => sealer.seal([user, word, domain], queuedAt)
      const whole = [...(named === undefined ? [] : [[user, named, words(named)]]), [user, words('')]].map(
        parts => parts.join(delimiter),
      )
      const fitting = whole.find(local => Buffer.byteLength(local) <= longestLocalPart)
      return fitting === undefined ? sender : formatAddress({ localPart: fitting, domain })
    },
    decode: ({ localPart, domain }, now) => {
      const end = localPart.length - sealLength - delimiter.length
      if (end < 1 || !localPart.startsWith(delimiter, end)) return undefined
      const [rest, seal] = [localPart.slice(0, end), localPart.slice(-sealLength)]
      for (const [user, named] of readings(rest, delimiter)) {
        if (!sealer.isSealed([user, named, domain], seal, now)) continue
        const recipient = decodeRecipient(named)
        const sender = formatAddress({ localPart: user, domain })
        return recipient === undefined ? { sender } : { sender, recipient }
      }
      return undefined
    },
  }
}

/** Every way to read a text as user and recipient: either may hold the delimiter, and the signature tells which it is. */
function* readings(text: string, delimiter: string): Generator<readonly [user: string, named: string]> {
  yield [text, '']
  for (let at = text.indexOf(delimiter, 1); at > 0; at = text.indexOf(delimiter, at + 1)) {
    yield [text.slice(0, at), text.slice(at + delimiter.length)]
  }
}

/** `bob@rome.test` as `bob=rome.test`; what a local part may not have unquoted is `*` and two digits of hex an octet. */
function encodeRecipient(recipient: string): string | undefined {
  const address = tryParseAddress(recipient)
  if (!address || address.domain.startsWith('[')) return undefined
  let local = ''
  for (const octet of Buffer.from(address.localPart)) {
    const char = String.fromCharCode(octet)
    local += /[A-Za-z0-9_+-]/.test(char) ? char : `*${octet.toString(16).padStart(2, '0')}`
  }
  // A dot is one of a dot-string only where no other dot, nor an end, is beside it.
  return `${local.replace(/(?<=\w)\*2e(?=\w)/g, '.')}=${address.domain}`
}

function decodeRecipient(named: string): string | undefined {
  const at = named.lastIndexOf('=')
  if (at < 1) return undefined
  const local = named
    .slice(0, at)
    .replace(/\*([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const address = { localPart: Buffer.from(local, 'latin1').toString(), domain: named.slice(at + 1) }
  return formatAddress(address)
}
