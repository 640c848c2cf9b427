import { afterEach, describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../../src/core/virtual-clock.js'
import type { Authority } from '../../../src/dns/authority.js'
import { createDnsResolver } from '../../../src/dns/create-dns-resolver.js'
import { createDnsServer } from '../../../src/dns/server/create-dns-server.js'
import type { WireResolverOptions } from '../../../src/dns/wire/options.js'
import { createDnsZone } from '../../../src/dns/zone/create-dns-zone.js'

const endings: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

/** A resolver with a virtual clock before a server that counts what it is asked. */
async function cached(cache?: WireResolverOptions['cache']) {
  const zone = createDnsZone({ 'rome.test': { mx: 'mx.rome.test', ttl: 100 } }, { negativeTtl: 60 })
  const asked: string[] = []
  const counting: Authority = {
    query: (name, type) => {
      asked.push(name)
      return zone.query(name, type)
    },
  }
  const dns = createDnsServer({ zone: counting })
  const { server } = await dns.listen({ port: 0 })
  const clock = createVirtualClock()
  const resolver = createDnsResolver({ servers: [server], clock, ...(cache === undefined ? {} : { cache }) })
  endings.push(
    () => dns.close(),
    () => resolver.close(),
  )
  return { zone, asked, clock, resolver }
}

describe('the cache of a resolver', () => {
  it('keeps an answer for its TTL, counting it down', async () => {
    const { asked, clock, resolver } = await cached()
    expect(await resolver.mx('rome.test')).toMatchObject({ ttl: 100 })
    await clock.advance('40s')
    expect(await resolver.mx('ROME.test')).toMatchObject({ ttl: 60, records: [{ exchange: 'mx.rome.test' }] })
    await clock.advance('59500ms')
    expect(await resolver.mx('rome.test')).toMatchObject({ ttl: 0 })
    expect(asked).toHaveLength(1)
    await clock.advance('500ms')
    expect(await resolver.mx('rome.test')).toMatchObject({ ttl: 100 })
    expect(asked).toHaveLength(2)
  })

  it('keeps what does not exist as long as the SOA record says (RFC 2308)', async () => {
    const { zone, asked, clock, resolver } = await cached()
    expect(await resolver.mx('new.test')).toMatchObject({ reason: 'nxdomain', ttl: 60 })
    expect(await resolver.txt('rome.test')).toMatchObject({ reason: 'nodata', ttl: 60 })
    zone.set('new.test', { mx: 'mx.rome.test' })
    await clock.advance('59s')
    expect(await resolver.mx('new.test')).toMatchObject({ reason: 'nxdomain', ttl: 1 })
    expect(asked).toHaveLength(2)
    await clock.advance('1s')
    expect(await resolver.mx('new.test')).toMatchObject({ status: 'found' })
  })

  it('keeps a failure for a second only', async () => {
    const { zone, asked, clock, resolver } = await cached()
    zone.fail('rome.test', 'servfail')
    expect(await resolver.mx('rome.test')).toMatchObject({ reason: 'servfail' })
    zone.recover()
    expect(await resolver.mx('rome.test')).toMatchObject({ reason: 'servfail' })
    expect(asked).toHaveLength(1)
    await clock.advance('1s')
    expect(await resolver.mx('rome.test')).toMatchObject({ status: 'found' })
  })

  it('keeps to the least and longest times it is given', async () => {
    const { zone, asked, clock, resolver } = await cached({
      minTtl: '10s',
      maxTtl: '50s',
      maxNegativeTtl: '5s',
    })
    zone.set('quick.test', { mx: 'mx.rome.test', ttl: 1 })
    expect(await resolver.mx('rome.test')).toMatchObject({ ttl: 50 })
    expect(await resolver.mx('quick.test')).toMatchObject({ ttl: 10 })
    expect(await resolver.mx('absent.test')).toMatchObject({ ttl: 5 })
    await clock.advance('9s')
    await resolver.mx('quick.test')
    await resolver.mx('absent.test')
    expect(asked).toEqual(['rome.test', 'quick.test', 'absent.test', 'absent.test'])
  })

  it('does not follow the clock of the wall', async () => {
    const { asked, clock, resolver } = await cached()
    await resolver.mx('rome.test')
    clock.jump(86_400_000)
    await resolver.mx('rome.test')
    clock.jump(-2 * 86_400_000)
    await resolver.mx('rome.test')
    expect(asked).toHaveLength(1)
  })

  it('lets go of what was not asked for longest', async () => {
    const { asked, resolver } = await cached({ maxEntries: 2 })
    for (const name of ['rome.test', 'a.test', 'rome.test', 'b.test', 'rome.test', 'a.test'])
      await resolver.mx(name)
    expect(asked).toEqual(['rome.test', 'a.test', 'b.test', 'a.test'])
  })

  it('does not keep what is large', async () => {
    const { zone, asked, resolver } = await cached()
    zone.set('large.test', { txt: 'x'.repeat(9_000) })
    await resolver.txt('large.test')
    await resolver.txt('large.test')
    expect(asked.length).toBeGreaterThan(2)
  })

  it('keeps nothing where it is switched off, and asks once for many who ask at once', async () => {
    const { asked, resolver } = await cached(false)
    await Promise.all(Array.from({ length: 100 }, () => resolver.mx('rome.test')))
    expect(asked).toHaveLength(1)
    expect(await resolver.mx('rome.test')).toMatchObject({ ttl: 100 })
    expect(asked).toHaveLength(2)
  })
})
