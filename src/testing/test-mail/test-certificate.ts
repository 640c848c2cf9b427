import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import { isIP } from 'node:net'
import { z } from 'zod'
import { lazy, parseOptions } from '../../core/options.js'
import {
  bitString,
  der,
  integer,
  objectId,
  octetString,
  sequence,
  set,
  utcTime,
  utf8String,
  yes,
} from './der.js'

/** Options of {@link createTestCertificate}. */
export interface TestCertificateOptions {
  /** Host names, `*.` allowed, and IP addresses it is good for; the first is also its subject. */
  names: readonly string[]
  /** Until when it is good, in epoch milliseconds, up to the year 2049. Default: the end of 2049. */
  notAfter?: number
  /** Who signs it, and is trusted in its place. Default: itself. */
  issuer?: TestCertificate
}

/** A key and its certificate, PEM; fits the option `tls` of every server. */
export interface TestCertificate {
  readonly key: string
  /** Without an issuer also what a client takes as `ca` to trust it. */
  readonly cert: string
}

const schema = lazy(() =>
  z.strictObject({
    names: z.array(z.string().min(1).max(253)).min(1),
    notAfter: z
      .number()
      .max(Date.UTC(2049, 11, 31, 23, 59, 59))
      .default(Date.UTC(2049, 11, 31, 23, 59, 59)),
    issuer: z.strictObject({ key: z.string(), cert: z.string() }).optional(),
  }),
)

/**
 * Makes a certificate (RFC 5280), self-signed or by an issuer, with a new key on P-256, in about a millisecond and without any program.
 * For tests: its key is kept in memory only, and its years are those that X.509 can write in two digits.
 * @throws MailError `OPTION_INVALID`.
 */
export function createTestCertificate(options: TestCertificateOptions): TestCertificate {
  const { names, notAfter, issuer } = parseOptions('createTestCertificate', schema(), options)
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const by = issuer && new X509Certificate(issuer.cert).subject.replace(/^CN=/, '')
  const content = toBeSigned({ names, notAfter, publicKey, issuer: by })
  const signature = sign('sha256', content, issuer ? createPrivateKey(issuer.key) : privateKey)
  const certificate = sequence(content, ecdsaWithSha256, bitString(signature))
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${inLines(certificate)}-----END CERTIFICATE-----\n`,
  }
}

const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'))

interface Content {
  readonly names: readonly string[]
  readonly notAfter: number
  readonly publicKey: KeyObject
  /** The name of who signs it, unless it is itself. */
  readonly issuer: string | undefined
}

/** TBSCertificate (RFC 5280 §4.1). */
function toBeSigned({ names, notAfter, publicKey, issuer }: Content): Buffer {
  const version3 = der(0xa0, integer(Buffer.of(2)))
  // Positive, and never the same for two certificates of one name (§4.1.2.2).
  const serial = Buffer.concat([Buffer.of(0x40), randomBytes(15)])
  const name = distinguishedName(names[0] ?? '')
  const validity = sequence(utcTime('200101000000Z'), utcTime(utcText(notAfter)))
  const keyInfo = publicKey.export({ type: 'spki', format: 'der' })
  return sequence(
    version3,
    integer(serial),
    ecdsaWithSha256,
    issuer === undefined ? name : distinguishedName(issuer),
    validity,
    name,
    keyInfo,
    der(0xa3, extensions(names, issuer === undefined)),
  )
}

/** A common name is 64 characters at most (RFC 5280, appendix A); what counts is in the extension. */
function distinguishedName(name: string): Buffer {
  return sequence(set(sequence(objectId('2.5.4.3'), utf8String(name.slice(0, 64)))))
}

function extensions(names: readonly string[], isIssuer: boolean): Buffer {
  const critical = (id: string, value: Buffer) => sequence(objectId(id), yes, octetString(value))
  const plain = (id: string, value: Buffer) => sequence(objectId(id), octetString(value))
  return sequence(
    // basicConstraints: an issuer, as it issued itself, and clients want such a one in their list.
    critical('2.5.29.19', isIssuer ? sequence(yes) : sequence()),
    // keyUsage: digitalSignature and keyCertSign.
    critical('2.5.29.15', der(0x03, Buffer.of(2, 0b1000_0100))),
    // extKeyUsage: serverAuth and clientAuth.
    plain('2.5.29.37', sequence(objectId('1.3.6.1.5.5.7.3.1'), objectId('1.3.6.1.5.5.7.3.2'))),
    plain('2.5.29.17', sequence(...names.map(generalName))),
  )
}

/** subjectAltName: dNSName or iPAddress (§4.2.1.6). */
function generalName(name: string): Buffer {
  const family = isIP(name)
  return family === 0 ? der(0x82, Buffer.from(name, 'latin1')) : der(0x87, addressOctets(name, family))
}

function addressOctets(address: string, family: number): Buffer {
  if (family === 4) return Buffer.from(address.split('.').map(Number))
  return Buffer.from(expandIpv6(address).join(''), 'hex')
}

/** The eight groups of an IPv6 address. */
function expandIpv6(address: string): string[] {
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const left = groups(head)
  const right = groups(tail ?? '')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].map(group => group.padStart(4, '0'))
}

function utcText(instant: number): string {
  return `${new Date(instant).toISOString().slice(2, 19).replace(/[-T:]/g, '')}Z`
}

function inLines(bytes: Buffer): string {
  return bytes.toString('base64').replace(/.{1,64}/g, '$&\n')
}
