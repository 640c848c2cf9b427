import { createHash, X509Certificate } from 'node:crypto'
import { createTestCertificate, type TestCertificate } from '../test-mail/test-certificate.js'
import type { CertificateFault } from './test-internet.js'

/** Signs the certificates of the hosts of an internet. */
export class Certificates {
  readonly #authority = createTestCertificate({ names: ['posthorn test authority'] })
  readonly #issued = new Map<string, TestCertificate>()

  /** Of whoever signs, PEM. */
  get ca(): string {
    return this.#authority.cert
  }

  /** The certificate of a host, the same each time. */
  of(hostname: string): TestCertificate {
    const known = this.#issued.get(hostname)
    if (known) return known
    const certificate = createTestCertificate({ names: [hostname], issuer: this.#authority })
    this.#issued.set(hostname, certificate)
    return certificate
  }

  /** A certificate of a host with something wrong. */
  faulty(hostname: string, fault: CertificateFault): TestCertificate {
    if (fault === 'self-signed') return createTestCertificate({ names: [hostname] })
    const issuer = this.#authority
    if (fault === 'wrong-name') return createTestCertificate({ names: ['another-host.test'], issuer })
    // What a certificate is held against is the real time, whatever the clock of the internet says.
    return createTestCertificate({ names: [hostname], issuer, notAfter: Date.UTC(2020, 1, 1) })
  }

  /** The key of a host's certificate as a TLSA record has it: DANE-EE, SPKI, SHA-256 (RFC 7671 §5.1). */
  tlsa(hostname: string): string {
    const { publicKey } = new X509Certificate(this.of(hostname).cert)
    const hash = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' }))
    return `3 1 1 ${hash.digest('hex')}`
  }
}
