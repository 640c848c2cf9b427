import { describe, expect, it } from 'vitest'
import { readTlsOptions, tlsOptionsSchema } from '../../src/core/tls-credentials.js'
import { testTls, testTlsFiles } from '../fixtures/tls.js'

const read = (options: unknown) => readTlsOptions('createServer', tlsOptionsSchema().parse(options))

function refusal(options: unknown): string {
  try {
    read(options)
  } catch (error) {
    expect(error).toMatchObject({ code: 'CERTIFICATE_UNREADABLE' })
    return (error as Error).message
  }
  throw new Error('the pair was taken')
}

describe('readTlsOptions', () => {
  it('takes bytes, text and paths', () => {
    for (const pair of [
      testTls,
      { key: testTls.key.toString(), cert: testTls.cert.toString() },
      testTlsFiles,
      { ...testTlsFiles, ca: testTls.cert },
    ]) {
      expect(read(pair)).toMatchObject({ key: testTls.key, cert: testTls.cert, minVersion: 'TLSv1.2' })
    }
  })

  it('names the option that is no PEM and no file, and not what it holds, which may be a key', () => {
    const message = refusal({ ...testTls, key: '/nowhere/s3cret.pem' })
    expect(message).toMatch(/^createServer: tls\.key: /)
    expect(message).not.toContain('s3cret')
    expect(refusal({ ...testTls, cert: '/nowhere/cert.pem' })).toMatch(/^createServer: tls\.cert: /)
    expect(refusal({ ...testTls, ca: '/nowhere/ca.pem' })).toMatch(/^createServer: tls\.ca: /)
  })

  it('tries the pair, and shows nothing of the key', () => {
    const garbage = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n'
    const message = refusal({ ...testTls, key: garbage })
    expect(message).toMatch(/^createServer: tls: key and certificate do not work: /)
    expect(message).not.toContain('c2VjcmV0')
    expect(refusal({ key: testTls.key, cert: testTls.key })).toMatch(/do not work/)
  })
})
