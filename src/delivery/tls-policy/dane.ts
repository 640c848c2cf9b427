import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import type tls from 'node:tls'
import type { TlsaRecord } from '../../dns/resolver.js'
import { type PeerCheck, type TlsProblem, tlsProblem } from './tls-problem.js'

/**
 * DANE for SMTP (RFC 7672): the certificate of a server is held to the TLSA records that DNSSEC vouches for, and to
 * nothing else.
 */

/** Certificates of one chain that are looked at. */
const longestChain = 10
/** TLSA records of one host that are looked at. */
const mostRecords = 50

/**
 * The records that a client can act on: usage DANE-TA (2) or DANE-EE (3), a selector and matching type that are known
 * and a digest of the right length (RFC 7672 §3.1; the PKIX usages 0 and 1 are unusable there, §3.1.3). Where one usage
 * and selector has SHA-512 digests, those of SHA-256 are left out (RFC 7671 §9).
 */
export function usableTlsa(records: readonly TlsaRecord[]): TlsaRecord[] {
  const usable = records.slice(0, mostRecords).filter(isUsable)
  const hasStronger = (one: TlsaRecord) =>
    usable.some(
      other => other.usage === one.usage && other.selector === one.selector && other.matchingType === 2,
    )
  return usable.filter(record => record.matchingType !== 1 || !hasStronger(record))
}

function isUsable({ usage, selector, matchingType, data }: TlsaRecord): boolean {
  if ((usage !== 2 && usage !== 3) || (selector !== 0 && selector !== 1)) return false
  if (matchingType === 1) return data.length === 32
  if (matchingType === 2) return data.length === 64
  return matchingType === 0 && isDer(selector, data)
}

function isDer(selector: number, data: Uint8Array): boolean {
  try {
    if (selector === 0) new X509Certificate(data)
    else readKey(data)
    return true
  } catch {
    return false
  }
}

function readKey(data: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(data), format: 'der', type: 'spki' })
}

/** What {@link daneCheck} holds a server to. */
export interface DaneReference {
  /** Usable ones. */
  readonly records: readonly TlsaRecord[]
  /** Names of which the certificate must have one under usage 2: those of the host and of the domain (RFC 7672 §3.2.2). */
  readonly names: readonly string[]
  /** Epoch milliseconds. */
  readonly now: () => number
}

/**
 * A check of a server's certificate by TLSA records. Usage 3 wants the certificate or its key and nothing else: names
 * and dates are the record's to vouch for (RFC 7672 §3.1.1). Usage 2 wants a chain of signatures to the anchor, valid
 * dates and a name (§3.1.2).
 */
export function daneCheck(reference: DaneReference): PeerCheck {
  const { records } = reference
  return socket => {
    const chain = presentedChain(socket)
    const [leaf] = chain
    if (!leaf) return tlsProblem('validation-failure', 'the server has no certificate')
    if (records.some(record => record.usage === 3 && matches(leaf, record))) return undefined
    const anchors = records.filter(record => record.usage === 2)
    if (anchors.length === 0) return noMatch()
    return checkAnchored(leaf, chain, anchors, reference.now()) ?? checkNames(leaf, reference.names)
  }
}

function noMatch(): TlsProblem {
  return tlsProblem('certificate-not-trusted', 'the certificate matches none of the TLSA records')
}

/** The certificates that the server sent, its own first. */
function presentedChain(socket: tls.TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  const seen = new Set<string>()
  let current: tls.DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  while (current?.raw && chain.length < longestChain && !seen.has(current.fingerprint512)) {
    seen.add(current.fingerprint512)
    chain.push(new X509Certificate(current.raw))
    current = current.issuerCertificate
  }
  return chain
}

/** Whether a certificate is the one a record names (RFC 6698 §2.1.2, §2.1.3). */
function matches(certificate: X509Certificate, { selector, matchingType, data }: TlsaRecord): boolean {
  const content =
    selector === 0 ? certificate.raw : certificate.publicKey.export({ format: 'der', type: 'spki' })
  const digest =
    matchingType === 0
      ? content
      : createHash(matchingType === 1 ? 'sha256' : 'sha512')
          .update(content)
          .digest()
  return Buffer.from(data).equals(digest)
}

/** Follows the signatures from the server's certificate up to an anchor. An anchor need not be sent when DNS has it whole. */
function checkAnchored(
  leaf: X509Certificate,
  sent: readonly X509Certificate[],
  anchors: readonly TlsaRecord[],
  now: number,
): TlsProblem | undefined {
  const whole = anchors.filter(record => record.matchingType === 0)
  const keys = whole.filter(record => record.selector === 1).map(record => readKey(record.data))
  const known = whole.filter(record => record.selector === 0).map(record => new X509Certificate(record.data))
  const issuers = [...sent.slice(1), ...known]
  let current = leaf
  for (let depth = 0; depth < longestChain; depth++) {
    if (!isInDate(current, now)) return tlsProblem('certificate-expired', 'a certificate is out of date')
    if (keys.some(key => current.verify(key))) return undefined
    const issuer = issuers.find(one => one !== current && isIssuer(one, current))
    if (!issuer) return noMatch()
    if (isInDate(issuer, now) && anchors.some(record => matches(issuer, record))) return undefined
    current = issuer
  }
  return noMatch()
}

function isIssuer(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function isInDate({ validFrom, validTo }: X509Certificate, now: number): boolean {
  return Date.parse(validFrom) <= now && now <= Date.parse(validTo)
}

/** RFC 7672 §3.2.3: a wildcard stands for the whole of the first label. */
function checkNames(leaf: X509Certificate, names: readonly string[]): TlsProblem | undefined {
  if (names.some(name => leaf.checkHost(name, { partialWildcards: false }) !== undefined)) return undefined
  return tlsProblem('certificate-host-mismatch', `the certificate is for none of ${names.join(', ')}`)
}
