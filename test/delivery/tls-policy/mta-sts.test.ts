import { describe, expect, it, vi } from 'vitest'
import type { MtaStsOptions, MxTransportOptions } from '../../../src/delivery/options.js'
import type { TlsResult } from '../../../src/delivery/tls-policy/host-tls.js'
import { storedStsCache } from '../../../src/delivery/tls-policy/stored-sts-cache.js'
import { type CachedStsPolicy, memoryStsCache } from '../../../src/delivery/tls-policy/sts-cache.js'
import { isStsHost, parseStsPolicy, readStsId } from '../../../src/delivery/tls-policy/sts-policy.js'
import { createDeliveryQueue } from '../../../src/queue/create-delivery-queue.js'
import { memoryStorage } from '../../../src/storage/memory/memory-storage.js'
import type { Script } from '../../../src/testing/remote/script.js'
import { issuedTls, issuerPem, testTls } from '../../fixtures/tls.js'
import { createOutsideWorld } from '../outside-world.js'
import { createPolicySite, policyText, type SiteAnswer } from './policy-site.js'
import { tlsaOf } from './tlsa.js'

const tlsOptions = { ca: issuerPem }
const trusted: Script = { extensions: ['STARTTLS'], STARTTLS: peer => peer.startTls('', issuedTls) }
const untrusted: Script = { extensions: ['STARTTLS'] }
const clear: Script = { extensions: [] }

/** `rome.test` with a policy and a mail exchanger. */
async function romeWithPolicy(
  answer: SiteAnswer | string,
  script: Script = trusted,
  options: Partial<MxTransportOptions> = {},
  credentials = issuedTls,
) {
  const results: TlsResult[] = []
  const world = await createOutsideWorld({ tlsOptions, onTls: result => results.push(result), ...options })
  const rome = await world.rome(script)
  const given = typeof answer === 'string' ? { body: answer } : answer
  const site = await createPolicySite(world.network.host('192.0.2.200'), '192.0.2.200', given, credentials)
  world.zone.set('mta-sts.rome.test', { a: '192.0.2.200' })
  world.zone.set('_mta-sts.rome.test', { txt: 'v=STSv1; id=1;' })
  const policySite = {
    ...site,
    /** Publishes another policy, or only another id. */
    publish(id: string, body = given.body) {
      given.body = body
      world.zone.set('_mta-sts.rome.test', { txt: `v=STSv1; id=${id};` })
    },
  }
  return Object.assign(world, { rome, site: policySite, results })
}

/** A cache that knows one policy for every domain, and counts who is asked for. */
function cacheOf(entry: CachedStsPolicy) {
  const asked: string[] = []
  return {
    asked,
    get: async (domain: string) => {
      asked.push(domain)
      return entry
    },
    set: async () => {},
  }
}
const startOfTime = Date.UTC(2026, 0)
const testingEntry: CachedStsPolicy = {
  policy: { mode: 'testing', mx: ['mx.rome.test'], maxAge: 2_592_000 },
  id: '1',
  fetchedAt: startOfTime,
}

const enforced = { status: 'delivered', tlsRule: 'mta-sts', tlsVerified: 'pkix' }
const opportunistic = { status: 'delivered', tlsRule: 'opportunistic' }

describe('a policy in mode enforce (RFC 8461 §5)', () => {
  it('lets mail go to a listed host with a trusted certificate, and asks the right question', async () => {
    await using world = await romeWithPolicy(policyText('enforce', '*.rome.test'))
    expect(await world.deliverOne()).toMatchObject(enforced)
    expect(world.site.requests.join()).toMatch(
      /^GET \/\.well-known\/mta-sts\.txt HTTP\/1\.1\r\n(?:.*\r\n)*host: mta-sts\.rome\.test\r\n/i,
    )
    expect(world.results).toMatchObject([
      { domain: 'rome.test', policy: { type: 'sts' }, host: 'mx.rome.test' },
    ])
    expect(world.results[0]?.problem).toBeUndefined()
  })

  it.each([
    ['has no TLS', clear, '4.7.4', 'starttls-not-supported'],
    ['is not trusted', untrusted, '4.7.5', 'certificate-not-trusted'],
  ])('defers mail for a host that %s', async (_, script, enhanced, kind) => {
    await using world = await romeWithPolicy(policyText('enforce', 'mx.rome.test'), script)
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', enhanced, tlsRule: 'mta-sts' })
    expect(world.rome.connections.flatMap(peer => peer.commands).join()).not.toContain('MAIL')
    expect(world.results).toMatchObject([{ problem: { kind } }])
  })

  it('defers mail for a host that is not listed, without speaking to it', async () => {
    await using world = await romeWithPolicy(policyText('enforce', 'mx.milan.test'))
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.7.5' })
    expect(world.rome.connections).toHaveLength(0)
  })

  it('makes REQUIRETLS possible without DNSSEC (RFC 8689 §4.2.1)', async () => {
    const script: Script = { ...trusted, extensions: ['STARTTLS', 'REQUIRETLS'] }
    await using world = await romeWithPolicy(policyText('enforce', 'mx.rome.test'), script)
    const envelope = { sender: 'alice@paris.test', requireTls: true }
    expect(await world.deliverOne({ envelope })).toMatchObject(enforced)
  })

  it('stands behind DANE: neither saves what the other refuses (RFC 8461 §2)', async () => {
    await using world = await romeWithPolicy(policyText('enforce', 'mx.milan.test'), untrusted)
    const secureRome = (tlsa: string) => {
      world.zone.set('rome.test', { mx: 'mx.rome.test', secure: true })
      world.zone.set('mx.rome.test', { a: world.rome.address, secure: true })
      world.zone.set('_25._tcp.mx.rome.test', { tlsa, secure: true })
    }
    secureRome(tlsaOf(testTls.cert, 3, 1, 1))
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', tlsRule: 'dane' })
    secureRome(tlsaOf(issuerPem, 3, 1, 1))
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', tlsRule: 'dane' })
  })
})

describe('a policy beside TLSA records that nobody can act on (RFC 7672 §2.2)', () => {
  /** The same, with a validated record of a usage that DANE for SMTP does not know. */
  async function romeWithUnusable(policy: string, script: Script) {
    const world = await romeWithPolicy(policy, script)
    world.zone.set('rome.test', { mx: 'mx.rome.test', secure: true })
    world.zone.set('mx.rome.test', { a: world.rome.address, secure: true })
    world.zone.set('_25._tcp.mx.rome.test', { tlsa: tlsaOf(testTls.cert, 1, 1, 1), secure: true })
    return world
  }

  it('is followed in mode enforce', async () => {
    await using good = await romeWithUnusable(policyText('enforce', 'mx.rome.test'), trusted)
    expect(await good.deliverOne()).toMatchObject(enforced)
    await using bad = await romeWithUnusable(policyText('enforce', 'mx.rome.test'), untrusted)
    expect(await bad.deliverOne()).toMatchObject({ status: 'deferred', tlsRule: 'mta-sts' })
    await using other = await romeWithUnusable(policyText('enforce', 'mx.milan.test'), trusted)
    expect(await other.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.7.5' })
  })

  it('takes nothing away in mode testing', async () => {
    await using world = await romeWithUnusable(policyText('testing', 'mx.rome.test'), clear)
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', tlsRule: 'dane-unusable' })
  })
})

describe('other modes', () => {
  it.each([
    ['in the clear', clear, 'starttls-not-supported'],
    ['to an untrusted host', untrusted, 'certificate-not-trusted'],
  ])('testing lets mail go %s, and notes it', async (_, script, kind) => {
    await using world = await romeWithPolicy(policyText('testing', 'mx.rome.test'), script)
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', tlsRule: 'mta-sts-testing' })
    expect(world.results).toMatchObject([{ policy: { type: 'sts' }, problem: { kind } }])
  })

  it('testing takes nothing away from what the operator wants', async () => {
    const testing = policyText('testing', 'mx.rome.test')
    await using world = await romeWithPolicy(testing, untrusted, { tlsOptions, tls: 'verified' })
    expect(await world.deliverOne()).toMatchObject({
      status: 'deferred',
      enhanced: '4.7.5',
      tlsRule: 'verified',
    })
    await using bare = await romeWithPolicy(testing, clear, { tls: 'required' })
    expect(await bare.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.7.4' })
  })

  it('testing shares no connection with a domain that the operator wants more for', async () => {
    const tls = { 'milan.test': 'required' } as const
    await using world = await romeWithPolicy(policyText('testing', 'mx.rome.test'), clear, {
      tls,
      mtaSts: { cache: cacheOf(testingEntry) },
    })
    world.zone.set('milan.test', { mx: 'mx.rome.test' })
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', tlsRule: 'mta-sts-testing' })
    expect(await world.deliverOne({ destination: 'milan.test' })).toMatchObject({
      status: 'deferred',
      enhanced: '4.7.4',
    })
  })

  it('none vouches for no host of REQUIRETLS', async () => {
    const script: Script = { ...trusted, extensions: ['STARTTLS', 'REQUIRETLS'] }
    await using world = await romeWithPolicy(policyText('none', 'mx.rome.test'), script)
    const envelope = { sender: 'alice@paris.test', requireTls: true }
    expect(await world.deliverOne({ envelope })).toMatchObject({ status: 'failed', enhanced: '5.7.10' })
  })

  it('testing lets mail go to a host that is not listed', async () => {
    await using world = await romeWithPolicy(policyText('testing', 'mx.milan.test'))
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
    expect(world.results).toMatchObject([{ problem: { kind: 'certificate-host-mismatch' } }])
  })

  it('none asks for nothing', async () => {
    await using world = await romeWithPolicy(policyText('none', 'mx.milan.test'), clear)
    expect(await world.deliverOne()).toMatchObject(opportunistic)
  })

  it('is not looked for where nothing is to be encrypted', async () => {
    await using world = await romeWithPolicy(policyText('enforce', 'mx.milan.test'), clear, { tls: 'none' })
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', tlsRule: 'none' })
    expect(world.site.requests).toHaveLength(0)
  })

  it('is not looked for when it is off', async () => {
    await using world = await romeWithPolicy(policyText('enforce', 'mx.milan.test'), clear, { mtaSts: false })
    expect(await world.deliverOne()).toMatchObject(opportunistic)
    expect(world.site.requests).toHaveLength(0)
  })
})

describe('a policy that cannot be had', () => {
  const good = policyText('enforce', 'mx.milan.test')
  it.each<[string, SiteAnswer, typeof issuedTls, string]>([
    ['is not found', { body: good, status: 404 }, issuedTls, 'sts-policy-fetch-error'],
    ['redirects', { body: good, status: 301 }, issuedTls, 'sts-policy-fetch-error'],
    ['is told by another status', { body: good, status: 203 }, issuedTls, 'sts-policy-fetch-error'],
    ['is of another type', { body: good, type: 'text/plainer' }, issuedTls, 'sts-policy-invalid'],
    ['is a web page', { body: good, type: 'text/html' }, issuedTls, 'sts-policy-invalid'],
    ['is too long', { body: good + 'x'.repeat(70_000) }, issuedTls, 'sts-policy-fetch-error'],
    ['is damaged', { body: 'version: STSv1' }, issuedTls, 'sts-policy-invalid'],
    ['has an untrusted certificate', { body: good }, testTls, 'sts-webpki-invalid'],
    ['is cut off in the handshake', { body: good, dropped: true }, issuedTls, 'sts-policy-fetch-error'],
  ])('does not count when it %s', async (_, answer, credentials, kind) => {
    await using world = await romeWithPolicy(answer, clear, {}, credentials)
    expect(await world.deliverOne()).toMatchObject(opportunistic)
    expect(world.results[0]).toMatchObject({
      domain: 'rome.test',
      policy: { type: 'sts' },
      problem: { kind },
    })
  })

  it('holds mail up for a minute at most, and is not asked for again for five', async () => {
    await using world = await romeWithPolicy({ body: good, silent: true }, clear)
    expect(await world.deliverDuring('2m')).toMatchObject(opportunistic)
    expect(await world.deliverOne()).toMatchObject(opportunistic)
    expect(world.site.requests).toHaveLength(1)
    await vi.waitFor(() => expect(world.site.open.size).toBe(0))
    await world.clock.advance('5m')
    await world.deliverDuring('2m')
    expect(world.site.requests).toHaveLength(2)
  })

  it('is asked for at four addresses at most', async () => {
    await using world = await romeWithPolicy(good, clear)
    const dead = ['192.0.2.201', '192.0.2.202', '192.0.2.203', '192.0.2.204']
    world.zone.set('mta-sts.rome.test', { a: [...dead, '192.0.2.200'] })
    expect(await world.deliverOne()).toMatchObject(opportunistic)
    world.zone.set('mta-sts.rome.test', { a: [...dead.slice(1), '192.0.2.200'] })
    await world.clock.advance('5m')
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred' })
  })

  it('may have 64 KiB', async () => {
    const padding = `x: ${'y'.repeat(65_536 - good.length - 3)}`
    await using world = await romeWithPolicy(good + padding, clear)
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred' })
  })

  it('is never looked for on private addresses', async () => {
    await using world = await romeWithPolicy(good, clear)
    world.zone.set('mta-sts.rome.test', { a: '127.0.0.1' })
    expect(await world.deliverOne()).toMatchObject(opportunistic)
  })
})

describe('a policy that is kept', () => {
  it('is fetched once, until its id changes', async () => {
    await using world = await romeWithPolicy(policyText('enforce', 'mx.rome.test'))
    await Promise.all([world.deliverOne(), world.deliverOne()])
    await world.deliverOne()
    expect(world.site.requests).toHaveLength(1)
    world.site.publish('2', policyText('enforce', 'mx.milan.test'))
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred' })
    expect(world.site.requests).toHaveLength(2)
  })

  it('holds while DNS or the site is down, as when somebody blocks them (RFC 8461 §10.2)', async () => {
    await using world = await romeWithPolicy(policyText('enforce', 'mx.rome.test', 604_800), clear)
    const held = { status: 'deferred', enhanced: '4.7.4' }
    expect(await world.deliverOne()).toMatchObject(held)
    world.zone.fail('_mta-sts.rome.test', 'servfail')
    expect(await world.deliverOne()).toMatchObject(held)
    world.zone.recover()
    world.zone.remove('_mta-sts.rome.test')
    expect(await world.deliverOne()).toMatchObject(held)
    world.site.publish('2', 'nonsense')
    expect(await world.deliverOne()).toMatchObject(held)
  })

  it('ends with its max_age when it cannot be fetched anew', async () => {
    await using world = await romeWithPolicy(policyText('enforce', 'mx.rome.test', 3_600), clear)
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred' })
    await world.site.close()
    await world.clock.advance('60m')
    expect(await world.deliverOne()).toMatchObject(opportunistic)
  })

  it('ends with a policy in mode none, by which a domain takes it back (§8.3)', async () => {
    await using world = await romeWithPolicy(policyText('enforce', 'mx.rome.test'), clear)
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred' })
    world.site.publish('2', 'version: STSv1\nmode: none\nmax_age: 86400')
    expect(await world.deliverOne()).toMatchObject(opportunistic)
    world.zone.remove('_mta-sts.rome.test')
    expect(await world.deliverOne()).toMatchObject(opportunistic)
  })

  it.each([
    [{ maxAge: 2_592_000 }, '23h', 0],
    [{ maxAge: 2_592_000 }, '25h', 1],
    [{ maxAge: 3_600 }, '29m', 0],
    [{ maxAge: 3_600 }, '31m', 1],
  ] as const)(
    'is fetched anew when it is used late, or late in its life: %j after %s',
    async (life, age, requests) => {
      const cache = cacheOf({ ...testingEntry, policy: { ...testingEntry.policy, ...life } })
      await using world = await romeWithPolicy(policyText('testing', 'mx.rome.test'), clear, {
        mtaSts: { cache },
      })
      await world.clock.advance(age)
      await world.deliverOne()
      await world.clock.settled()
      expect(world.site.requests).toHaveLength(requests)
    },
  )

  it.each([
    [2_592_000, 5],
    [172_800, 5],
    [86_400, 9],
    [7_200, 101],
  ])(
    'is fetched anew so that it does not run out while nobody writes: max_age %i',
    async (maxAge, requests) => {
      await using world = await romeWithPolicy(policyText('enforce', 'mx.rome.test', maxAge))
      await world.deliverOne()
      await world.clock.advance('100h')
      expect(world.site.requests).toHaveLength(requests)
      world.zone.remove('_mta-sts.rome.test')
      expect(await world.deliverOne()).toMatchObject(enforced)
    },
  )

  it('is fetched anew as often as the app wants', async () => {
    const text = policyText('enforce', 'mx.rome.test')
    await using world = await romeWithPolicy(text, trusted, { mtaSts: { refresh: '10m' } })
    await world.deliverOne()
    await world.clock.advance('1h')
    expect(world.site.requests).toHaveLength(7)
  })

  it('is fetched anew where another process kept it, too', async () => {
    const cache = memoryStsCache()
    await cache.set('rome.test', { ...testingEntry, policy: { ...testingEntry.policy, maxAge: 172_800 } })
    await using world = await romeWithPolicy(policyText('enforce', 'mx.rome.test', 172_800), trusted, {
      mtaSts: { cache },
    })
    await world.deliverOne()
    await world.clock.advance('100h')
    expect(await world.deliverOne()).toMatchObject(enforced)
  })

  describe('among others', () => {
    const short = { ...testingEntry, policy: { ...testingEntry.policy, maxAge: 108_000 } }

    /** Two domains with one host, in use since the start; the policy of the first ends after 30 hours. */
    async function romeAndMilan(hear: (domain: string) => void = () => {}, milan = short) {
      const cache = cacheOf(testingEntry)
      const get = async (domain: string) => {
        hear(domain)
        return domain === 'milan.test' ? milan : testingEntry
      }
      const mtaSts = { cache: { ...cache, get } }
      const world = await romeWithPolicy(policyText('testing', 'mx.rome.test'), clear, { mtaSts })
      world.zone.set('milan.test', { mx: 'mx.rome.test' })
      for (const destination of ['milan.test', 'rome.test']) await world.deliverOne({ destination })
      return world
    }

    it('waits for its own time, and is not put off by those that are used later', async () => {
      const brief = { ...testingEntry, policy: { ...testingEntry.policy, maxAge: 7_200 } }
      await using world = await romeAndMilan(undefined, brief)
      await world.clock.advance('90m')
      expect(world.site.requests).toHaveLength(0)
      await using other = await romeAndMilan(undefined, testingEntry)
      for (const _ of [1, 2]) {
        await other.clock.advance('12h')
        await other.deliverOne({ destination: 'milan.test' })
      }
      expect(other.site.requests).toHaveLength(1)
    })

    it('is looked for no more once it ran out', async () => {
      const asked: string[] = []
      await using world = await romeAndMilan(domain => asked.push(domain))
      await world.clock.advance('48h')
      asked.length = 0
      await world.clock.advance('48h')
      expect(new Set(asked)).toEqual(new Set(['rome.test']))
    })

    it('is looked for no more once the transport is closed', async () => {
      const asked: string[] = []
      let closed: Promise<void> | undefined
      await using world = await romeAndMilan(domain => {
        if (asked.push(domain) === 3) closed = world.transport.close()
      })
      await world.clock.advance('96h')
      await closed
      expect(asked).toEqual(['milan.test', 'rome.test', 'milan.test'])
      expect(world.site.requests).toHaveLength(0)
    })
  })

  it('outlives the process in a storage, and a record that cannot be read does no harm', async () => {
    const storage = memoryStorage()
    const mtaSts: MtaStsOptions = { cache: storedStsCache({ storage }) }
    await using first = await romeWithPolicy(policyText('enforce', 'mx.rome.test', 86_400), clear, { mtaSts })
    expect(await first.deliverOne()).toMatchObject({ status: 'deferred' })
    const [kept] = await storage.records.list('mta-sts')
    expect(kept).toMatchObject({ key: 'rome.test', expiresAt: first.clock.now() + 86_400_000 })
    await using second = await romeWithPolicy('gone', clear, { mtaSts })
    expect(await second.deliverOne()).toMatchObject({ status: 'deferred', tlsRule: 'mta-sts' })
    expect(second.site.requests).toHaveLength(0)
    await storage.records.put({ space: 'mta-sts', key: 'rome.test', value: '{"policy":' })
    expect(await second.deliverOne()).toMatchObject(opportunistic)
  })

  it('is in the storage of a queue that was told nothing else', async () => {
    await using world = await romeWithPolicy(policyText('enforce', 'mx.rome.test'))
    const { clock, zone: resolver, outside: network } = world
    const storage = memoryStorage()
    const delivery = { tlsOptions }
    const queue = createDeliveryQueue({
      hostname: 'mx.paris.test',
      storage,
      clock,
      resolver,
      network,
      delivery,
    })
    await queue.start()
    await queue.send({ from: 'alice@paris.test', to: 'bob@rome.test', text: 'Hello' })
    await queue.idle()
    expect(await storage.records.list('mta-sts')).toMatchObject([{ key: 'rome.test' }])
    await queue.close()
  })

  it('leaves no timer behind', async () => {
    await using world = await romeWithPolicy(policyText('enforce', 'mx.rome.test'))
    await world.deliverOne()
    await world.transport.close()
    await world.clock.advance('1m')
    expect(world.clock.nextTimer()).toBeUndefined()
  })

  it('is not needed of a cache that throws', async () => {
    const cache = { get: () => Promise.reject(new Error('no')), set: () => Promise.reject(new Error('no')) }
    await using world = await romeWithPolicy(policyText('enforce', 'mx.rome.test'), trusted, {
      mtaSts: { cache },
    })
    expect(await world.deliverOne()).toMatchObject(enforced)
  })

  it('is one of 10,000 in memory at most, those that were asked for or set last', async () => {
    const cache = memoryStsCache()
    const entry = { policy: { mode: 'none', mx: [], maxAge: 1 }, id: '1', fetchedAt: 0 } as const
    for (let index = 0; index < 10_000; index++) await cache.set(`d${index}.test`, entry)
    await cache.get('d0.test')
    await cache.set('d1.test', entry)
    await cache.set('new.test', entry)
    expect(await cache.get('d2.test')).toBeUndefined()
    for (const kept of ['d0.test', 'd1.test', 'd3.test']) expect(await cache.get(kept)).toEqual(entry)
  })
})

describe('reading', () => {
  it('takes what RFC 8461 §3.2 allows, and no more', () => {
    expect(
      parseStsPolicy('version: STSv1\nmode:enforce \nmode: none\nmx: MX.Rome.test\nx: y\nmax_age: 5'),
    ).toEqual({
      mode: 'enforce',
      mx: ['mx.rome.test'],
      maxAge: 5,
    })
    expect(parseStsPolicy(policyText('enforce', 'a.test', 99_999_999))?.maxAge).toBe(31_557_600)
    expect(parseStsPolicy(policyText('enforce', 'a.test\nmx: b.test'.repeat(200)))?.mx).toHaveLength(200)
    for (const bad of [
      '',
      policyText('sometimes', 'a.test'),
      policyText('enforce', 'a..test'),
      policyText('enforce', 'a.*.test'),
      policyText('enforce', '[192.0.2.1]'),
      'version: STSv2\nmode: none\nmax_age: 1',
      'version: STSv1\nmode: enforce\nmax_age: 1',
      'version: STSv1\nmode: none\nmax_age: -1',
      'version: STSv1\nmode: none\r\r\nmax_age: 1',
      'version: STSv1\nmode: none\u00a0\nmax_age: 1',
      'version: STSv1\nmode: none\nmax_age: 1\u2028',
    ]) {
      expect(parseStsPolicy(bad)).toBeUndefined()
    }
  })

  it.each([
    ['in front of a lone CR', `x:${' '.repeat(2_500)}\ry`],
    ['in front of a line separator', `x:${' '.repeat(2_500)}\u2028y`],
    ['within a value', `x:a${' '.repeat(60_000)}y`],
  ])('takes linear time over blanks %s', (_, line) => {
    const start = performance.now()
    expect(parseStsPolicy(`${policyText('enforce', 'a.test')}${line}`)?.mode).toBe('enforce')
    expect(performance.now() - start).toBeLessThan(400)
  })

  it('matches wildcards with one label (§4.1)', () => {
    const policy = { mode: 'enforce', mx: ['mx.rome.test', '*.milan.test'], maxAge: 1 } as const
    expect(isStsHost({ ...policy, mx: ['*.test'] }, 'test')).toBe(false)
    expect(['mx.rome.test', 'a.milan.test'].every(host => isStsHost(policy, host))).toBe(true)
    const others = ['a.mx.rome.test', 'rome.test', 'milan.test', 'a.b.milan.test', 'test']
    expect(others.some(host => isStsHost(policy, host))).toBe(false)
  })

  it('wants one record with an id (§3.1)', () => {
    expect(readStsId(['v=spf1 -all', 'v=STSv1; id=20160831085700Z;'])).toBe('20160831085700Z')
    expect(readStsId(['v=STSv1; id=1', 'v=STSv1; id=2'])).toBeUndefined()
    expect(readStsId(['v=STSv1 ; x.y=a,b; id=1; id=2 ; '])).toBe('1')
    for (const bad of [
      ...['v=STSv1', 'v=STSv1;', 'v=STSv1; id=', 'v=STSv1; id=a-b', 'V=STSv1; id=1', 'v=STSv10; id=1'],
      ...[
        'v=STSv1; id=1; x',
        'v=STSv1; id=1; x=',
        'v=STSv1; id=1; x=a=b',
        'v=STSv1; id=1; -x=a',
        'v=STSv1; id=a-b; id=1',
      ],
      ...[
        'v=STSv1; id = 1',
        'v=STSv1;; id=1',
        'v=STSv1; ID=1',
        `v=STSv1; id=${'1'.repeat(33)}`,
        ' v=STSv1; id=1',
      ],
    ])
      expect(readStsId([bad]), bad).toBeUndefined()
  })
})
