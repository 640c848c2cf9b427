import { describe, expect, it } from 'vitest'
import type { MxTransportOptions } from '../../../src/delivery/options.js'
import { usableTlsa } from '../../../src/delivery/tls-policy/dane.js'
import type { TlsResult } from '../../../src/delivery/tls-policy/host-tls.js'
import type { DnsZone } from '../../../src/dns/zone/create-dns-zone.js'
import { bytesSource } from '../../../src/message/sources.js'
import type { Script } from '../../../src/testing/remote/script.js'
import {
  createTestCertificate,
  type TestCertificate,
} from '../../../src/testing/test-mail/test-certificate.js'
import { issuedTls, issuerPem, testTls } from '../../fixtures/tls.js'
import { createOutsideWorld } from '../outside-world.js'
import { tlsaOf } from './tlsa.js'

const selfSigned: Script = { extensions: ['STARTTLS', 'PIPELINING'] }
const issued: Script = { ...selfSigned, STARTTLS: peer => peer.startTls('', issuedTls) }

/** `rome.test` in a signed zone, with TLSA records. */
async function signedRome(
  script: Script,
  tlsa: string | string[],
  options: Partial<MxTransportOptions> = {},
  host = 'mx.rome.test',
) {
  const world = await createOutsideWorld(options)
  const rome = await world.server(host, script)
  world.zone.set('rome.test', { mx: host, secure: true })
  world.zone.set(host, { a: rome.address, secure: true })
  world.zone.set(`_25._tcp.${host}`, { tlsa, secure: true })
  return Object.assign(world, { rome })
}

const delivered = { status: 'delivered', tlsRule: 'dane', tlsVerified: 'dane' }
const refused = { status: 'deferred', scope: 'host', enhanced: '4.7.5', tlsRule: 'dane' }
const nonsense = `3 1 1 ${'00'.repeat(32)}`

describe('DANE-EE (RFC 7672 §3.1.1)', () => {
  it.each([
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
    [1, 1],
    [1, 2],
  ])('takes the certificate that the record names: selector %i, matching type %i', async (selector, type) => {
    await using world = await signedRome(selfSigned, tlsaOf(testTls.cert, 3, selector, type))
    expect(await world.deliverOne()).toMatchObject({ ...delivered, tls: expect.stringMatching(/^TLSv1/) })
  })

  it('passes over names', async () => {
    const record = tlsaOf(testTls.cert, 3, 1, 1)
    await using world = await signedRome(selfSigned, record, {}, 'mx.milan.test')
    expect(await world.deliverOne()).toMatchObject(delivered)
  })

  it('takes any one of several records', async () => {
    await using world = await signedRome(selfSigned, [nonsense, tlsaOf(testTls.cert, 3, 1, 1)])
    expect(await world.deliverOne()).toMatchObject(delivered)
  })

  it('defers what another server would get, and says nothing to it', async () => {
    await using world = await signedRome(selfSigned, nonsense)
    expect(await world.deliverOne()).toMatchObject(refused)
    expect(world.rome.connections.flatMap(peer => peer.commands).join()).not.toContain('MAIL')
    expect(world.rome.connections).toHaveLength(1)
  })

  it('goes by the stronger digest where there are two (RFC 7671 §9)', async () => {
    const records = [tlsaOf(testTls.cert, 3, 1, 1), `3 1 2 ${'00'.repeat(64)}`]
    await using world = await signedRome(selfSigned, records)
    expect(await world.deliverOne()).toMatchObject(refused)
  })
})

describe('DANE-TA (RFC 7672 §3.1.2)', () => {
  it.each([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 2],
  ])('takes a chain to the anchor: selector %i, matching type %i', async (selector, type) => {
    await using world = await signedRome(issued, tlsaOf(issuerPem, 2, selector, type))
    expect(await world.deliverOne()).toMatchObject(delivered)
  })

  it('takes the name of the domain for that of the host (§3.2.2), and no other', async () => {
    const record = tlsaOf(issuerPem, 2, 0, 1)
    await using world = await signedRome(issued, record, {}, 'mx.milan.test')
    expect(await world.deliverOne()).toMatchObject(delivered)
    world.zone.set('naples.test', { mx: 'mx.milan.test', secure: true })
    expect(await world.deliverOne({ destination: 'naples.test' })).toMatchObject({
      ...refused,
      reason: expect.stringContaining('for none of mx.milan.test, naples.test'),
    })
  })

  it.each([
    ['*.rome.test', 'delivered'],
    ['m*.rome.test', 'deferred'],
    ['*.test', 'deferred'],
  ])('heeds a wildcard that is a whole label only, and one label (§3.2.3): %s', async (name, status) => {
    const issuer = createTestCertificate({ names: ['issuer'] })
    const { key, cert } = createTestCertificate({ names: [name], issuer })
    const script: Script = { ...selfSigned, STARTTLS: peer => peer.startTls('', { key, cert }) }
    await using world = await signedRome(script, tlsaOf(Buffer.from(issuer.cert), 2, 0, 0))
    expect(await world.deliverOne()).toMatchObject({ status, tlsRule: 'dane' })
  })

  it('does not take a certificate that the anchor did not sign, nor one out of date', async () => {
    await using forged = await signedRome(selfSigned, tlsaOf(issuerPem, 2, 0, 0))
    expect(await forged.deliverOne()).toMatchObject(refused)
    await using late = await signedRome(issued, tlsaOf(issuerPem, 2, 0, 1))
    late.clock.jump(Date.UTC(2056, 0) - late.clock.now())
    expect(await late.deliverOne()).toMatchObject({
      ...refused,
      reason: expect.stringContaining('out of date'),
    })
  })
})

describe('a chain to an anchor', () => {
  const issuer = createTestCertificate({ names: ['issuer'] })
  const tlsa = (cert: string, selector = 0, type = 0) => tlsaOf(Buffer.from(cert), 2, selector, type)

  /** A server with a certificate by `by`, behind which it sends `along`. */
  function certified(by: TestCertificate, along: readonly TestCertificate[] = []): Script {
    const { key, cert } = createTestCertificate({ names: ['mx.rome.test'], issuer: by })
    const chain = [cert, ...along.map(one => one.cert)].join('')
    return { ...selfSigned, STARTTLS: peer => peer.startTls('', { key, cert: chain }) }
  }

  it.each([0, 1])('ends at an anchor that is whole in DNS and not sent: selector %i', async selector => {
    await using world = await signedRome(certified(issuer), tlsa(issuer.cert, selector))
    expect(await world.deliverOne()).toMatchObject(delivered)
  })

  it('does not end at an anchor that DNS has the digest of only, and that is not sent', async () => {
    await using world = await signedRome(certified(issuer), tlsa(issuer.cert, 0, 1))
    expect(await world.deliverOne()).toMatchObject(refused)
  })

  it.each([0, 1])('is one of signatures, not of names: matching type %i', async type => {
    const forger = { key: createTestCertificate({ names: ['forger'] }).key, cert: issuer.cert }
    await using world = await signedRome(certified(forger, [issuer]), tlsa(issuer.cert, 0, type))
    expect(await world.deliverOne()).toMatchObject(refused)
  })

  it('has no link that may not issue certificates', async () => {
    const link = createTestCertificate({ names: ['link'], issuer })
    await using world = await signedRome(certified(link, [link, issuer]), tlsa(issuer.cert))
    expect(await world.deliverOne()).toMatchObject(refused)
  })

  it('has no link that is out of date, the anchor included', async () => {
    const late = createTestCertificate({ names: ['late'], notAfter: Date.UTC(2025, 0) })
    await using world = await signedRome(certified(late, [late]), tlsa(late.cert, 0, 1))
    expect(await world.deliverOne()).toMatchObject({
      ...refused,
      reason: expect.stringContaining('out of date'),
    })
  })

  it('does not begin with its end: the certificate of the server is no anchor', async () => {
    await using world = await signedRome(selfSigned, tlsaOf(testTls.cert, 2, 0, 1))
    expect(await world.deliverOne()).toMatchObject(refused)
  })
})

describe('the records that are heeded (RFC 7671 §9)', () => {
  const record = (usage: number, selector: number, matchingType: number, length = 32 * matchingType) => ({
    usage,
    selector,
    matchingType,
    data: new Uint8Array(length),
  })
  const weak = record(3, 1, 1)

  it('lack SHA-256 where the same usage and selector has SHA-512, of the right length', () => {
    const strong = record(3, 1, 2)
    expect(usableTlsa([weak, strong])).toEqual([strong])
    for (const other of [record(2, 1, 2), record(3, 0, 2)]) {
      expect(usableTlsa([weak, other])).toEqual([weak, other])
    }
    expect(usableTlsa([weak, record(3, 1, 2, 63)])).toEqual([weak])
  })

  it('are 50 at most', () => {
    expect(usableTlsa(Array.from({ length: 60 }, () => weak))).toHaveLength(50)
  })
})

describe('what is counted of DANE (RFC 8460 §4)', () => {
  const good = tlsaOf(testTls.cert, 3, 1, 1)

  /** What `onTls` hears of one delivery. */
  async function heard(script: Script, tlsa: string | string[], prepare?: (zone: DnsZone) => void) {
    const results: TlsResult[] = []
    await using world = await signedRome(script, tlsa, { onTls: result => results.push(result) })
    prepare?.(world.zone)
    await world.deliverOne()
    return results
  }
  const policy = (...strings: string[]) => ({
    type: 'tlsa',
    strings,
    domain: 'mx.rome.test',
    mxHosts: ['mx.rome.test'],
  })
  const place = { domain: 'rome.test', host: 'mx.rome.test' }
  const ends = { address: '192.0.2.10', localAddress: '192.0.2.1' }

  it('is a success by the records that were there', async () => {
    expect(await heard(selfSigned, good)).toEqual([{ ...place, ...ends, policy: policy(good) }])
  })

  it.each<[string, Script, string]>([
    ['certificate-not-trusted', selfSigned, nonsense],
    ['starttls-not-supported', { extensions: [] }, good],
    ['tlsa-invalid', selfSigned, '3 1 1 00'],
  ])('is a failure: %s', async (kind, script, record) => {
    expect(await heard(script, record)).toEqual([
      { ...place, ...ends, policy: policy(record), problem: { kind, reason: expect.any(String) } },
    ])
  })

  it('is a failure of DNSSEC when the records cannot be had', async () => {
    const results = await heard(selfSigned, good, zone => zone.fail('_25._tcp.mx.rome.test', 'servfail'))
    expect(results).toMatchObject([
      {
        ...place,
        policy: { type: 'tlsa', strings: [], domain: 'mx.rome.test' },
        problem: { kind: 'dnssec-invalid' },
      },
    ])
  })

  it('is a failure of records that nobody can act on where a trusted certificate made up for them', async () => {
    const results: TlsResult[] = []
    const options = {
      tls: 'verified',
      tlsOptions: { ca: issuerPem },
      onTls: (one: TlsResult) => results.push(one),
    }
    await using world = await signedRome(issued, '3 1 1 00', options as Partial<MxTransportOptions>)
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', tlsRule: 'verified' })
    expect(results).toEqual([
      {
        ...place,
        ...ends,
        policy: policy('3 1 1 00'),
        problem: { kind: 'tlsa-invalid', reason: expect.any(String) },
      },
    ])
  })
})

describe('where DANE applies', () => {
  it('defers when the TLSA records cannot be looked up (RFC 7672 §2.1.2)', async () => {
    await using world = await signedRome(selfSigned, tlsaOf(testTls.cert, 3, 1, 1))
    world.zone.fail('_25._tcp.mx.rome.test', 'servfail')
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', scope: 'host', enhanced: '4.7.5' })
    expect(world.rome.connections).toHaveLength(0)
  })

  it.each([
    ['the MX', 'rome.test', { mx: 'mx.rome.test' }],
    ['the address', 'mx.rome.test', { a: '192.0.2.10' }],
    ['the TLSA', '_25._tcp.mx.rome.test', { tlsa: nonsense }],
  ])('heeds no TLSA record when %s answer was not validated', async (_, name, entry) => {
    await using world = await signedRome(selfSigned, nonsense)
    world.zone.set(name, { ...entry, secure: false })
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', tlsRule: 'opportunistic' })
  })

  it('requires encryption, by any certificate, when no record can be used (RFC 7672 §2.2)', async () => {
    const unusable = [
      `1 1 1 ${'00'.repeat(32)}`,
      '3 1 1 00',
      '3 2 1 00',
      `3 1 9 ${'00'.repeat(32)}`,
      '3 0 0 00',
    ]
    await using world = await signedRome(selfSigned, unusable)
    const outcome = await world.deliverOne()
    expect(outcome).toMatchObject({ status: 'delivered', tlsRule: 'dane-unusable' })
    expect(outcome.tlsVerified).toBeUndefined()
    await using bare = await signedRome({ extensions: [] }, unusable)
    expect(await bare.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.7.4' })
  })

  it('does not go without encryption', async () => {
    await using world = await signedRome({ extensions: [] }, tlsaOf(testTls.cert, 3, 1, 1))
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.7.4', tlsRule: 'dane' })
  })

  it('goes to the next host when the first is not who it should be', async () => {
    await using world = await signedRome(selfSigned, nonsense)
    await world.server('mx2.rome.test', selfSigned)
    world.zone.set('rome.test', { mx: ['10 mx.rome.test', '20 mx2.rome.test'], secure: true })
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', host: 'mx2.rome.test' })
  })

  it('can be switched off', async () => {
    await using world = await signedRome(selfSigned, nonsense, { dane: false })
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', tlsRule: 'opportunistic' })
  })

  it('vouches for a host of REQUIRETLS', async () => {
    const script = { extensions: ['STARTTLS', 'REQUIRETLS'] }
    await using world = await signedRome(script, tlsaOf(testTls.cert, 3, 1, 1))
    const envelope = { sender: 'alice@paris.test', requireTls: true }
    expect(await world.deliverOne({ envelope })).toMatchObject(delivered)
  })

  it('gives way to TLS-Required: No (RFC 8689 §3), but not where REQUIRETLS was asked for', async () => {
    const script = { extensions: ['STARTTLS', 'REQUIRETLS'] }
    const message = bytesSource('tls-required: no\r\nSubject: TLS report\r\n\r\nIt fails.\r\n')
    await using world = await signedRome(script, nonsense)
    expect(await world.deliverOne({ message })).toMatchObject({
      status: 'delivered',
      tlsRule: 'opportunistic',
    })
    const other = bytesSource('TLS-Required: Not really\r\n\r\nIt fails.\r\n')
    expect(await world.deliverOne({ message: other })).toMatchObject({ status: 'deferred' })
    world.zone.fail('_25._tcp.mx.rome.test', 'servfail')
    expect(await world.deliverOne({ message })).toMatchObject({ status: 'delivered' })
    const envelope = { sender: 'alice@paris.test', requireTls: true }
    expect(await world.deliverOne({ message, envelope })).toMatchObject({ status: 'deferred' })
  })
})

describe('a host that is an alias (RFC 7672 §2.2.2)', () => {
  const good = tlsaOf(testTls.cert, 3, 1, 1)

  /** `rome.test` with the exchanger `mail.rome.test`, an alias of `mx.rome.test`; records by name, all validated but for some. */
  async function aliasedRome(tlsa: { alias?: string; end?: string }, insecure: readonly string[] = []) {
    const results: TlsResult[] = []
    const world = await createOutsideWorld({ onTls: result => results.push(result) })
    const rome = await world.server('mx.rome.test', selfSigned)
    const secure = (name: string) => !insecure.includes(name)
    world.zone.set('rome.test', { mx: 'mail.rome.test', secure: true })
    world.zone.set('mail.rome.test', { cname: 'mx.rome.test', secure: secure('mail.rome.test') })
    world.zone.set('mx.rome.test', { a: rome.address, secure: secure('mx.rome.test') })
    if (tlsa.alias) world.zone.set('_25._tcp.mail.rome.test', { tlsa: tlsa.alias, secure: true })
    if (tlsa.end) world.zone.set('_25._tcp.mx.rome.test', { tlsa: tlsa.end, secure: true })
    return Object.assign(world, { rome, results, asked: () => rome.connections[0]?.tls?.servername })
  }

  it('is held to the records at its end, and asked for by that name', async () => {
    await using world = await aliasedRome({ end: good, alias: nonsense })
    expect(await world.deliverOne()).toMatchObject({ ...delivered, host: 'mail.rome.test' })
    expect(world.asked()).toBe('mx.rome.test')
    // RFC 8460 §1.1.
    expect(world.results).toMatchObject([{ domain: 'rome.test', policy: { domain: 'mx.rome.test' } }])
    await using other = await aliasedRome({ end: nonsense, alias: good })
    expect(await other.deliverOne()).toMatchObject(refused)
  })

  it('is held to the records at the alias where its end has none', async () => {
    await using world = await aliasedRome({ alias: good })
    expect(await world.deliverOne()).toMatchObject(delivered)
    expect(world.asked()).toBe('mail.rome.test')
    await using other = await aliasedRome({ alias: nonsense })
    expect(await other.deliverOne()).toMatchObject(refused)
  })

  it('waits when the records at its end cannot be looked up, whatever there is at the alias', async () => {
    await using world = await aliasedRome({ alias: good })
    world.zone.fail('_25._tcp.mx.rome.test', 'servfail')
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.7.5' })
    expect(world.rome.connections).toHaveLength(0)
  })

  it('is held to the records at the alias where a validated alias leads out of the signed zones', async () => {
    await using world = await aliasedRome({ alias: nonsense, end: good }, ['mx.rome.test'])
    expect(await world.deliverOne()).toMatchObject(refused)
    world.zone.set('_25._tcp.mail.rome.test', { tlsa: good, secure: true })
    expect(await world.deliverOne()).toMatchObject(delivered)
    world.zone.fail('mail.rome.test', 'servfail', 'CNAME')
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.7.5' })
  })

  it('is held to nothing where the alias was not validated', async () => {
    await using world = await aliasedRome({ alias: nonsense, end: nonsense }, ['mail.rome.test'])
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', tlsRule: 'opportunistic' })
    expect(world.asked()).toBe('mail.rome.test')
  })

  it('may have a certificate for the domain, and for the end of its alias (§3.2.2)', async () => {
    await using world = await signedRome(issued, tlsaOf(issuerPem, 2, 0, 1), {}, 'mx.milan.test')
    world.zone.set('naples.test', { cname: 'rome.test', secure: true })
    expect(await world.deliverOne({ destination: 'naples.test' })).toMatchObject(delivered)
    world.zone.set('rome.test', { cname: 'bari.test', secure: true })
    world.zone.set('bari.test', { mx: 'mx.milan.test', secure: true })
    expect(await world.deliverOne()).toMatchObject(delivered)
  })

  it('is not asked whether it is one where its addresses say that it is none', async () => {
    await using world = await signedRome(selfSigned, nonsense)
    world.zone.set('mx.rome.test', { a: world.rome.address })
    world.zone.fail('mx.rome.test', 'servfail', 'CNAME')
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', tlsRule: 'opportunistic' })
  })
})

describe('tls by destination', () => {
  const tables: [string, NonNullable<MxTransportOptions['tls']>][] = [
    ['a table', { 'Rome.test': 'required', '*.milan.test': 'required', '*': 'none' }],
    ['a function', domain => (/rome|milan/.test(domain) ? 'required' : 'none')],
  ]
  it.each(tables)('is given as %s', async (_, tls) => {
    await using world = await createOutsideWorld({ tls })
    await world.server('mx.rome.test', { extensions: [] })
    for (const [destination, tlsRule] of [
      ['rome.test', 'required'],
      ['post.milan.test', 'required'],
      ['new.post.milan.test', 'required'],
      ['naples.test', 'none'],
    ] as const) {
      world.zone.set(destination, { mx: 'mx.rome.test' })
      expect(await world.deliverOne({ destination })).toMatchObject({ tlsRule })
    }
  })

  it('defers when the function fails, and refuses what is no level', async () => {
    await using world = await createOutsideWorld({ tls: () => 'sometimes' as 'none' })
    await world.rome()
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', scope: 'local' })
    await expect(createOutsideWorld({ tls: { '*.': 'none' } })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
  })
})
