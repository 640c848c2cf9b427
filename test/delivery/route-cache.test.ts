import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { RouteCache } from '../../src/delivery/route-cache.js'
import type { Resolver } from '../../src/dns/resolver.js'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'
import type { Script } from '../../src/testing/remote/script.js'
import { createOutsideWorld } from './outside-world.js'

/** A world whose transport asks a resolver that counts, and that does not tell when its records change. */
async function createCountedWorld(ttl = 300, scripts: readonly Script[] = []) {
  const zone = createDnsZone({}, { ttl })
  const asked: string[] = []
  const resolver: Resolver = {
    mx: (domain, options) => {
      asked.push(domain)
      return zone.mx(domain, options)
    },
    addresses: (host, options) => {
      asked.push(host)
      return zone.addresses(host, options)
    },
    txt: (name, options) => zone.txt(name, options),
    tlsa: (name, options) => zone.tlsa(name, options),
    ptr: (address, options) => zone.ptr(address, options),
    close: () => zone.close(),
  }
  const world = await createOutsideWorld({ resolver, mtaSts: false })
  const mx = await world.server('mx.rome.test', scripts)
  zone.set('rome.test', { mx: 'mx.rome.test' })
  zone.set('mx.rome.test', { a: mx.address })
  return { ...world, zone, asked, mx, [Symbol.asyncDispose]: world[Symbol.asyncDispose] }
}

const route = ['rome.test', 'mx.rome.test']

describe('what DNS says of a destination', () => {
  it('is asked once for messages that follow upon one another, and again after a second', async () => {
    await using world = await createCountedWorld()
    for (let message = 0; message < 3; message++) await world.deliverOne()
    expect(world.asked).toEqual(route)
    await world.clock.advance('999ms')
    await world.deliverOne()
    expect(world.asked).toEqual(route)
    await world.clock.advance('1ms')
    await world.deliverOne()
    expect(world.asked).toEqual([...route, ...route])
    expect(world.mx.connections).toHaveLength(1)
  })

  it('is not kept beyond its TTL', async () => {
    await using world = await createCountedWorld(0)
    await world.deliverOne()
    await world.deliverOne()
    expect(world.asked).toEqual([...route, ...route])
    world.zone.set('rome.test', { mx: 'mx.rome.test', ttl: 300 })
    await world.deliverOne()
    await world.deliverOne()
    expect(world.asked).toHaveLength(8)
  })

  it('is asked again when mail did not get through, or found no way', async () => {
    const tired: Script = { RCPT: { inTurn: ['250 2.1.5 OK', '421 4.3.2 Bye'] } }
    await using world = await createCountedWorld(300, [tired, {}])
    await world.deliverOne()
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred' })
    expect(world.asked).toEqual(route)
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
    expect(world.asked).toEqual([...route, ...route])
    for (let message = 0; message < 2; message++) await world.deliverOne({ destination: 'nowhere.test' })
    expect(world.asked.slice(4)).toEqual(['nowhere.test', 'nowhere.test'])
  })

  it('is asked again at once of a resolver that tells of changes', async () => {
    await using world = await createOutsideWorld()
    await world.rome()
    const moved = await world.server('mx2.rome.test')
    expect(await world.deliverOne()).toMatchObject({ host: 'mx.rome.test' })
    world.zone.set('rome.test', { mx: 'mx2.rome.test' })
    expect(await world.deliverOne()).toMatchObject({ host: 'mx2.rome.test', address: moved.address })
    world.zone.fail('mx2.rome.test', 'servfail')
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.4.3' })
    world.zone.recover()
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
    world.zone.remove('rome.test')
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', enhanced: '5.4.4' })
  })

  it('is kept of a thousand destinations, those that mail went to last', async () => {
    const zone = createDnsZone()
    const routes = new RouteCache(createVirtualClock(), zone)
    for (let index = 0; index <= 1_000; index++) {
      const route = await routes.ask('[192.0.2.1]', new AbortController().signal)
      if ('found' in route) routes.keep(`d${index}.test`, { ...route, found: { ...route.found, ttl: 300 } })
    }
    expect(['d0.test', 'd1.test', 'd1000.test'].map(name => routes.get(name) !== undefined)).toEqual([
      false,
      true,
      true,
    ])
  })

  it('is for one destination, and of equals for each message in its own order', async () => {
    await using world = await createCountedWorld()
    const other = await world.server('mx2.rome.test')
    world.zone.set('mx2.rome.test', { a: other.address })
    world.zone.set('rome.test', { mx: ['10 mx.rome.test', '10 mx2.rome.test'] })
    const hosts = new Set<string | undefined>()
    for (let message = 0; message < 20; message++) {
      hosts.add((await world.deliverOne({ traceId: `message-${message}` })).host)
    }
    expect(hosts.size).toBe(2)
    expect(world.asked).toHaveLength(3)
    world.zone.set('milan.test', { mx: 'mx.rome.test' })
    await world.deliverOne({ destination: 'milan.test' })
    expect(world.asked.slice(3)).toEqual(['milan.test', 'mx.rome.test'])
  })
})
