import { createHash, X509Certificate } from 'node:crypto'

/** A TLSA record for the first certificate of a PEM text, as in a zone file. */
export function tlsaOf(pem: Uint8Array, usage: number, selector: number, matchingType: number): string {
  const certificate = new X509Certificate(pem)
  const content =
    selector === 0 ? certificate.raw : certificate.publicKey.export({ format: 'der', type: 'spki' })
  const hash = (name: string) => createHash(name).update(content).digest('hex')
  const data =
    matchingType === 0 ? content.toString('hex') : matchingType === 1 ? hash('sha256') : hash('sha512')
  return `${usage} ${selector} ${matchingType} ${data}`
}
