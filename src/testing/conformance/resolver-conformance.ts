import assert from 'node:assert/strict'
import { type DnsAnswer, hasAliases, type Resolver } from '../../dns/resolver.js'
import { createDnsZone, type DnsZone } from '../../dns/zone/create-dns-zone.js'
import type { TestFunctions } from './test-functions.js'

/** A resolver under test, and the end of it. */
export interface ResolverUnderTest {
  readonly resolver: Resolver
  /** Ends what was opened for the test; the resolver itself is closed before. */
  close?(): Promise<void>
}

/** What {@link describeResolver} needs to know. */
export interface ResolverConformanceOptions extends TestFunctions {
  /**
   * Makes a resolver that knows the records of `zone` and nothing else; called for each test, which closes it. A
   * resolver that asks name servers is pointed at a `createDnsServer({ zone })`.
   */
  create(zone: DnsZone): ResolverUnderTest | Promise<ResolverUnderTest>
  /** Powers that the resolver has. */
  powers?: {
    /** It gives the TTL of every record. Default: `true`. */
    ttl?: boolean
    /** It knows whether answers were validated. Default: `true`. */
    secure?: boolean
    /** It can ask for TLSA records; without it, they are a temporary failure. Default: `true`. */
    tlsa?: boolean
  }
}

/** The records that the suite asks for. */
function knownRecords(): DnsZone {
  const zone = createDnsZone(
    {
      'rome.test': {
        mx: ['20 mx2.rome.test', '10 mx1.rome.test'],
        txt: ['v=spf1 mx -all', 'other'],
        ttl: 120,
      },
      'mx1.rome.test': { a: ['192.0.2.1', '192.0.2.2'], aaaa: '2001:db8::1', ttl: 90 },
      'mx2.rome.test': { a: '192.0.2.3' },
      'six.rome.test': { aaaa: '2001:db8:0:0:1::6' },
      'alias.test': { cname: 'second.test', ttl: 30 },
      'second.test': { cname: 'rome.test' },
      'lost.test': { cname: 'nowhere.test' },
      'circle.test': { cname: 'circle2.test' },
      'circle2.test': { cname: 'circle.test' },
      'closed.test': { mx: '0 .' },
      'long.rome.test': { txt: `v=DKIM1; p=${'A'.repeat(900)}` },
      '_25._tcp.mx1.rome.test': { tlsa: `3 1 1 ${'0d'.repeat(32)}` },
      '192.0.2.1': { ptr: 'mx1.rome.test' },
      '2001:db8::1': { ptr: 'mx1.rome.test' },
      'signed.test': { mx: 'mx1.rome.test', secure: true },
      'xn--mnchen-3ya.test': { mx: 'mx1.rome.test' },
      'half.test': { a: '192.0.2.4', aaaa: '2001:db8::4' },
      'broken.test': { mx: 'mx1.rome.test', a: '192.0.2.5' },
    },
    { ttl: 300, negativeTtl: 60 },
  )
  zone.fail('half.test', 'servfail', 'AAAA')
  zone.fail('broken.test', 'servfail')
  return zone
}

/**
 * Defines the tests that every driver of the resolver contract must pass, with any runner's functions:
 *
 * ```ts
 * describeResolver({ describe, it, create: zone => ({ resolver: myResolver(zone) }) })
 * ```
 */
export function describeResolver(options: ResolverConformanceOptions): void {
  const { describe, it, create, powers = {} } = options
  const { ttl: knowsTtl = true, secure: knowsSecure = true, tlsa: knowsTlsa = true } = powers

  const test = (title: string, check: (resolver: Resolver, zone: DnsZone) => Promise<void>) =>
    it(title, async () => {
      const zone = knownRecords()
      const { resolver, close } = await create(zone)
      try {
        await check(resolver, zone)
      } finally {
        await resolver.close()
        await close?.()
      }
    })

  const isTtl = (answer: DnsAnswer<unknown>, seconds: number) => {
    assert(answer.status !== 'temporary-failure')
    assert(Number.isInteger(answer.ttl) && answer.ttl >= 0, `ttl is ${answer.ttl}`)
    if (knowsTtl) assert.equal(answer.ttl, seconds)
  }

  describe('the contract of a resolver', () => {
    test('finds mail exchangers', async resolver => {
      const answer = await resolver.mx('rome.test')
      assert.deepEqual(recordsOf(answer), [
        { preference: 10, exchange: 'mx1.rome.test' },
        { preference: 20, exchange: 'mx2.rome.test' },
      ])
      isTtl(answer, 120)
      assert.equal(secureOf(answer), false)
    })

    test('gives a null MX as one record with an empty exchange (RFC 7505)', async resolver => {
      assert.deepEqual(recordsOf(await resolver.mx('closed.test')), [{ preference: 0, exchange: '' }])
    })

    test('finds addresses of both families, in canonical form', async resolver => {
      const answer = await resolver.addresses('mx1.rome.test')
      assert.deepEqual(recordsOf(answer), [
        { address: '192.0.2.1', family: 4 },
        { address: '192.0.2.2', family: 4 },
        { address: '2001:db8::1', family: 6 },
      ])
      isTtl(answer, 90)
      assert.deepEqual(recordsOf(await resolver.addresses('six.rome.test')), [
        { address: '2001:db8::1:0:0:6', family: 6 },
      ])
    })

    test('finds addresses of one family', async resolver => {
      const four = await resolver.addresses('mx1.rome.test', { family: 4 })
      assert.deepEqual(
        recordsOf(four).map(({ family }) => family),
        [4, 4],
      )
      const six = await resolver.addresses('mx1.rome.test', { family: 6 })
      assert.deepEqual(recordsOf(six), [{ address: '2001:db8::1', family: 6 }])
      assert.equal(reasonOf(await resolver.addresses('mx2.rome.test', { family: 6 })), 'nodata')
    })

    test('does without a family that fails when the other answers, and not otherwise', async resolver => {
      const answer = await resolver.addresses('half.test')
      assert.deepEqual(recordsOf(answer), [{ address: '192.0.2.4', family: 4 }])
      const six = await resolver.addresses('half.test', { family: 6 })
      assert.equal(six.status, 'temporary-failure')
    })

    test('finds text, its strings joined (RFC 7208 §3.3)', async resolver => {
      assert.deepEqual(recordsOf(await resolver.txt('rome.test')), ['other', 'v=spf1 mx -all'])
      assert.deepEqual(recordsOf(await resolver.txt('long.rome.test')), [`v=DKIM1; p=${'A'.repeat(900)}`])
    })

    test('finds the names of addresses', async resolver => {
      for (const address of ['192.0.2.1', '2001:db8::1', '2001:DB8:0:0::1', '::ffff:192.0.2.1']) {
        assert.deepEqual(recordsOf(await resolver.ptr(address)), ['mx1.rome.test'])
      }
      assert.equal(reasonOf(await resolver.ptr('192.0.2.9')), 'nxdomain')
    })

    test(knowsTlsa ? 'finds TLSA records' : 'calls TLSA records a temporary failure', async resolver => {
      const answer = await resolver.tlsa('_25._tcp.mx1.rome.test')
      if (!knowsTlsa) return assert.equal(answer.status, 'temporary-failure')
      const [record] = recordsOf(answer)
      assert.deepEqual({ ...record, data: [] }, { usage: 3, selector: 1, matchingType: 1, data: [] })
      assert(record?.data instanceof Uint8Array)
      assert.deepEqual([...record.data], Array(32).fill(0x0d))
    })

    test('tells a name that does not exist from one without such records', async resolver => {
      const nxdomain = await resolver.mx('nowhere.test')
      assert.equal(reasonOf(nxdomain), 'nxdomain')
      isTtl(nxdomain, 60)
      const nodata = await resolver.mx('mx1.rome.test')
      assert.equal(reasonOf(nodata), 'nodata')
      isTtl(nodata, 60)
      assert.equal(reasonOf(await resolver.addresses('nowhere.test')), 'nxdomain')
      assert.equal(reasonOf(await resolver.addresses('closed.test')), 'nodata')
    })

    test('tells a failure from what does not exist', async resolver => {
      for (const answer of [await resolver.mx('broken.test'), await resolver.addresses('broken.test')]) {
        assert(answer.status === 'temporary-failure', `got ${answer.status}`)
        assert(answer.detail.length > 0, 'a failure says what happened')
      }
    })

    test('follows aliases, with the least TTL on the way', async resolver => {
      const answer = await resolver.mx('alias.test')
      assert.equal(recordsOf(answer).length, 2)
      isTtl(answer, 30)
      assert.equal(reasonOf(await resolver.mx('lost.test')), 'nxdomain')
      assert.equal(reasonOf(await resolver.txt('alias.test')), 'found')
    })

    test('tells of an alias itself, one step, where it has that power', async resolver => {
      if (!hasAliases(resolver)) return
      assert.deepEqual(recordsOf(await resolver.alias('ALIAS.test.')), ['second.test'])
      assert.deepEqual(recordsOf(await resolver.alias('circle.test')), ['circle2.test'])
      assert.equal(reasonOf(await resolver.alias('rome.test')), 'nodata')
      assert.equal(reasonOf(await resolver.alias('nowhere.test')), 'nxdomain')
    })

    test('tells the name at the end of the aliases truly, or not at all', async resolver => {
      const answer = await resolver.mx('alias.test')
      assert(answer.status === 'found')
      assert([undefined, 'rome.test'].includes(answer.canonical), `canonical is ${answer.canonical}`)
      const plain = await resolver.mx('rome.test')
      assert(plain.status === 'found' && plain.canonical === undefined)
    })

    test('calls a circle of aliases a temporary failure', async resolver => {
      assert.equal((await resolver.addresses('circle.test')).status, 'temporary-failure')
    })

    test('takes names in any case, with a trailing dot, and as U-labels', async resolver => {
      for (const domain of ['ROME.Test', 'rome.test.']) {
        assert.equal(recordsOf(await resolver.mx(domain)).length, 2)
      }
      assert.equal(recordsOf(await resolver.mx('münchen.test')).length, 1)
    })

    test('calls what DNS cannot hold not-found', async resolver => {
      const names = [
        '',
        '[192.0.2.1]',
        'a..test',
        `${'a'.repeat(64)}.test`,
        `${'a.'.repeat(130)}test`,
        'a\r\nb.test',
      ]
      for (const name of names) assert.equal((await resolver.mx(name)).status, 'not-found', name)
      assert.equal((await resolver.ptr('rome.test')).status, 'not-found')
    })

    test('takes names of the prototype like any other', async resolver => {
      for (const name of ['__proto__', 'constructor', 'hasownproperty.test']) {
        assert.equal((await resolver.mx(name)).status, 'not-found')
      }
    })

    if (knowsSecure) {
      test('says which answers were validated', async resolver => {
        assert.equal(secureOf(await resolver.mx('signed.test')), true)
        assert.equal(secureOf(await resolver.mx('rome.test')), false)
      })
    } else {
      test('calls nothing validated', async resolver => {
        assert.equal(secureOf(await resolver.mx('signed.test')), false)
      })
    }

    test('answers the same question to many at once', async resolver => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => resolver.mx('rome.test')))
      for (const answer of answers) assert.equal(recordsOf(answer).length, 2)
    })

    test('rejects with ABORTED when the caller gives up', async resolver => {
      const before = AbortSignal.abort()
      await assert.rejects(resolver.mx('rome.test', { signal: before }), { code: 'ABORTED' })
      await assert.rejects(resolver.addresses('rome.test', { signal: before }), { code: 'ABORTED' })
    })

    test('closes twice', async resolver => {
      await resolver.mx('rome.test')
      await resolver.close()
      await resolver.close()
    })
  })
}

function recordsOf<Record>(answer: DnsAnswer<Record>): Record[] {
  assert(answer.status === 'found', `expected records, got ${JSON.stringify(answer)}`)
  return [...answer.records].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

function reasonOf(answer: DnsAnswer<unknown>): string {
  return answer.status === 'not-found' ? answer.reason : answer.status
}

function secureOf(answer: DnsAnswer<unknown>): boolean | undefined {
  return answer.status === 'temporary-failure' ? undefined : answer.secure
}
