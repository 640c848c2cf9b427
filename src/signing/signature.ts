import { createHash, type KeyObject, sign } from 'node:crypto'
import { foldTokens } from '../message/fold.js'
import { relaxField } from './relaxed.js'

/** What a DKIM signature is made of. */
export interface SignatureRequest {
  readonly domain: string
  readonly selector: string
  readonly privateKey: KeyObject
  /** Names of the signed fields, in the order of `canonical`, and more that the message does not have. */
  readonly names: readonly string[]
  /** The signed fields in their relaxed form, one after another. */
  readonly canonical: string
  readonly bodyHash: string
  /** Epoch milliseconds. */
  readonly now: number
  /** Milliseconds. */
  readonly expiresAfter: number | undefined
}

/** A `DKIM-Signature:` field (RFC 6376 §3.5), CRLF included: relaxed/relaxed, SHA-256, RSA or Ed25519 (RFC 8463). */
export async function signatureField(request: SignatureRequest): Promise<string> {
  const { canonical, privateKey } = request
  const tokens = [...tags(request), 'b=']
  const unsigned = relaxField(foldTokens('DKIM-Signature:', tokens)).replace(/\r\n$/, '')
  const signature = await signOctets(Buffer.from(canonical + unsigned, 'latin1'), privateKey)
  const pieces = signature.match(/.{1,70}/g) ?? []
  // Blanks in b= do not count; the first piece stays with the tag.
  return foldTokens('DKIM-Signature:', [...tags(request), `b=${pieces[0] ?? ''}`, ...pieces.slice(1)])
}

function tags({ domain, selector, privateKey, names, bodyHash, now, expiresAfter }: SignatureRequest) {
  const algorithm = privateKey.asymmetricKeyType === 'rsa' ? 'rsa-sha256' : 'ed25519-sha256'
  const last = names.length - 1
  return [
    'v=1;',
    `a=${algorithm};`,
    'c=relaxed/relaxed;',
    `d=${domain};`,
    `s=${selector};`,
    `t=${Math.floor(now / 1000)};`,
    ...(expiresAfter === undefined ? [] : [`x=${Math.floor((now + expiresAfter) / 1000)};`]),
    ...names.map((name, at) => `${at === 0 ? 'h=' : ''}${name}${at === last ? ';' : ':'}`),
    `bh=${bodyHash};`,
  ]
}

/** RSA signs off the event loop's thread; it takes a millisecond. */
function signOctets(octets: Buffer, key: KeyObject): Promise<string> {
  const isRsa = key.asymmetricKeyType === 'rsa'
  // RFC 8463 §3: Ed25519 signs the hash.
  const data = isRsa ? octets : createHash('sha256').update(octets).digest()
  return new Promise((resolve, reject) => {
    sign(isRsa ? 'sha256' : null, data, key, (error, signature) => {
      if (error) reject(error)
      else resolve(signature.toString('base64'))
    })
  })
}
