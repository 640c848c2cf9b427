import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { MailError } from '../../src/core/error.js'
import { readTlsOptions } from '../../src/core/tls-credentials.js'
import { testTls, testTlsFiles } from '../fixtures/tls.js'

const read = (tls: Parameters<typeof readTlsOptions>[1]) => readTlsOptions('createServer', tls)

describe('readTlsOptions', () => {
  it('takes bytes, text and paths alike', () => {
    const text = { key: testTls.key.toString(), cert: testTls.cert.toString() }
    for (const tls of [testTls, text, testTlsFiles]) {
      expect(read(tls)).toMatchObject({ ...testTls, minVersion: 'TLSv1.2' })
    }
  })

  it('names the file that cannot be read', () => {
    expect(() => read({ ...testTls, cert: '/no/such/cert.pem' })).toThrow(
      /createServer: tls\.cert: .*no\/such\/cert/,
    )
  })

  it('refuses a key that does not belong to the certificate, and keeps it out of the error', () => {
    const key = execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519']).toString()
    const secret = key.split('\n')[1] ?? ''
    for (const wrong of [
      key,
      `-----BEGIN PRIVATE KEY-----\n${secret.slice(1)}\n-----END PRIVATE KEY-----\n`,
      secret,
    ]) {
      try {
        read({ ...testTls, key: wrong })
        expect.unreachable()
      } catch (error) {
        expect(error).toBeInstanceOf(MailError)
        expect(error).toMatchObject({ code: 'CERTIFICATE_UNREADABLE' })
        expect(String(error)).not.toContain(secret)
      }
    }
  })
})
