import { describe, expect, it } from 'vitest'
import { isNullMx } from '../../../src/dns/resolver.js'
import { createDnsZone } from '../../../src/dns/zone/create-dns-zone.js'
import type { ZoneEntry } from '../../../src/dns/zone/zone-entry.js'

describe('the notation of a zone', () => {
  it('reads exchangers as hosts, as zone file lines and as records', async () => {
    const zone = createDnsZone({
      'rome.test': {
        mx: ['MX.Rome.test.', '20 mx2.rome.test', { preference: 5, exchange: 'mx0.rome.test' }],
      },
      'closed.test': { mx: '0 .' },
    })
    expect(await zone.mx('rome.test')).toEqual({
      status: 'found',
      records: [
        { preference: 10, exchange: 'mx.rome.test' },
        { preference: 20, exchange: 'mx2.rome.test' },
        { preference: 5, exchange: 'mx0.rome.test' },
      ],
      ttl: 300,
      secure: false,
    })
    expect(isNullMx(await zone.mx('closed.test'))).toBe(true)
    expect(isNullMx(await zone.mx('rome.test'))).toBe(false)
  })

  it('reads TLSA records as in a zone file and as records', async () => {
    const record = { usage: 3, selector: 1, matchingType: 1, data: Uint8Array.of(0x0d, 0x6f) }
    const zone = createDnsZone({ '_25._tcp.mx.rome.test': { tlsa: ['3 1 1 0d6F', record] } })
    expect(await zone.tlsa('_25._tcp.mx.rome.test')).toMatchObject({ records: [record, record] })
  })

  it('takes an IP address for the name of its reverse entry', async () => {
    const zone = createDnsZone({
      '192.0.2.1': { ptr: 'mx.rome.test' },
      '2001:DB8::1': { ptr: ['mx.rome.test', 'www.rome.test'] },
    })
    expect(await zone.ptr('192.0.2.1')).toMatchObject({ records: ['mx.rome.test'] })
    expect(await zone.ptr('2001:db8:0::1')).toMatchObject({ records: ['mx.rome.test', 'www.rome.test'] })
    expect(await zone.ptr('::ffff:192.0.2.1')).toMatchObject({ records: ['mx.rome.test'] })
  })

  it.each([
    [{ a: '192.0.2.256' }, 'a.0: expected an IPv4 address'],
    [{ aaaa: ['192.0.2.1'] }, 'aaaa.0: expected an IPv6 address'],
    [{ mx: '70000 mx.rome.test' }, 'mx.0: expected an exchanger'],
    [{ mx: [null] }, 'mx.0: expected an exchanger'],
    [{ mx: 'mx .rome.test' }, 'mx.0: expected an exchanger'],
    [{ txt: 5 }, 'txt.0'],
    [{ tlsa: '3 1 1 0d6' }, 'tlsa.0: expected a TLSA record'],
    [{ tlsa: '999 1 1 0d' }, 'tlsa.0: expected a TLSA record'],
    [{ cname: '' }, 'cname: expected a name'],
    [{ cname: 'a.test', a: '192.0.2.1' }, 'cname: expected to stand alone'],
    [{ ttl: -1 }, 'ttl'],
    [{ MX: 'mx.rome.test' }, 'Unrecognized key'],
  ])('refuses %j', (entry, message) => {
    const create = () => createDnsZone({ 'rome.test': entry as ZoneEntry })
    expect(create).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(create).toThrow(message)
  })

  it('refuses a name that is none, and unknown options', () => {
    expect(() => createDnsZone({ 'rome test': {} })).toThrow(
      expect.objectContaining({ code: 'DOMAIN_INVALID' }),
    )
    expect(() => createDnsZone({}, { tll: 5 } as object)).toThrow(/tll/)
  })
})

describe('a zone', () => {
  it('tells a name that is not there from one without such records', async () => {
    const zone = createDnsZone({ 'mx.rome.test': { a: '192.0.2.1' } })
    const absent = { status: 'not-found', ttl: 60, secure: false }
    expect(await zone.mx('paris.test')).toEqual({ ...absent, reason: 'nxdomain' })
    expect(await zone.mx('mx.rome.test')).toEqual({ ...absent, reason: 'nodata' })
    expect(await zone.mx('rome.test')).toEqual({ ...absent, reason: 'nodata' })
    expect(await zone.mx('x.rome.test')).toEqual({ ...absent, reason: 'nxdomain' })
  })

  it('follows aliases, with the least of their ttl', async () => {
    const zone = createDnsZone({
      'www.rome.test': { cname: 'host.rome.test', ttl: 30 },
      'host.rome.test': { a: '192.0.2.1', aaaa: '2001:db8::1', ttl: 90 },
      'lost.rome.test': { cname: 'nowhere.test' },
    })
    expect(await zone.addresses('www.rome.test')).toEqual({
      status: 'found',
      records: [
        { address: '2001:db8::1', family: 6 },
        { address: '192.0.2.1', family: 4 },
      ],
      canonical: 'host.rome.test',
      ttl: 30,
      secure: false,
    })
    expect(await zone.mx('www.rome.test')).toMatchObject({ status: 'not-found', reason: 'nodata' })
    expect(await zone.mx('lost.rome.test')).toMatchObject({ status: 'not-found', reason: 'nxdomain' })
  })

  it('sees a loop of aliases, however long', async () => {
    const zone = createDnsZone({ 'self.test': { cname: 'self.test' } })
    for (let i = 0; i < 20; i++) zone.set(`c${i}.test`, { cname: `c${(i + 1) % 20}.test` })
    for (const name of ['self.test', 'c0.test']) {
      expect(await zone.mx(name)).toMatchObject({ status: 'temporary-failure', reason: 'loop' })
    }
  })

  it('counts an answer as secure only where every name on the way is', async () => {
    const zone = createDnsZone(
      {
        'a.test': { cname: 'b.test' },
        'b.test': { a: '192.0.2.1', secure: false },
        'c.test': { a: '192.0.2.1' },
      },
      { secure: true },
    )
    expect(await zone.addresses('a.test')).toMatchObject({ secure: false })
    expect(await zone.addresses('c.test')).toMatchObject({ secure: true })
    expect(await zone.addresses('d.test')).toMatchObject({ status: 'not-found', secure: true })
  })

  it('changes while it is used', async () => {
    const zone = createDnsZone({ 'rome.test': { mx: 'mx.rome.test' } })
    zone.set('ROME.test', { txt: 'v=spf1 -all' })
    expect(await zone.mx('rome.test')).toMatchObject({ reason: 'nodata' })
    expect(await zone.txt('rome.test')).toMatchObject({ records: ['v=spf1 -all'] })
    zone.remove('rome.test')
    zone.remove('rome.test')
    expect(await zone.txt('rome.test')).toMatchObject({ reason: 'nxdomain' })
    await zone.close()
    zone.set('rome.test', { txt: 'back' })
    expect(await zone.txt('rome.test')).toMatchObject({ records: ['back'] })
  })

  it('fails on demand, all of a name or one type of it', async () => {
    const zone = createDnsZone({ 'mx.rome.test': { a: '192.0.2.1', aaaa: '2001:db8::1', txt: 'x' } })
    zone.fail('mx.rome.test', 'servfail', 'AAAA')
    expect(await zone.addresses('mx.rome.test')).toMatchObject({
      records: [{ address: '192.0.2.1', family: 4 }],
    })
    // At once: this zone was given no clock to wait on.
    zone.fail('mx.rome.test', 'timeout', 'A')
    expect(await zone.addresses('mx.rome.test')).toMatchObject({ status: 'temporary-failure' })
    expect(await zone.txt('mx.rome.test')).toMatchObject({ status: 'found' })
    zone.fail('mx.rome.test', 'refused')
    expect(await zone.txt('mx.rome.test')).toMatchObject({ status: 'temporary-failure', reason: 'refused' })
    zone.recover('mx.rome.test')
    expect(await zone.addresses('mx.rome.test')).toMatchObject({ status: 'found', records: { length: 2 } })
  })

  it('holds names of the prototype like any other', async () => {
    const zone = createDnsZone(
      JSON.parse('{"__proto__": {"mx": "constructor"}, "constructor": {"a": "192.0.2.1"}}'),
    )
    expect(await zone.mx('__proto__')).toMatchObject({ records: [{ exchange: 'constructor' }] })
    expect(await zone.addresses('constructor')).toMatchObject({ status: 'found' })
    expect(await zone.mx('tostring')).toMatchObject({ reason: 'nxdomain' })
    expect(zone.query('constructor', 'hasOwnProperty')).toMatchObject({ status: 'not-found' })
  })

  it('answers not-found for what DNS cannot hold', async () => {
    const zone = createDnsZone()
    for (const name of ['', '.', '[192.0.2.1]', 'a..b', `${'a'.repeat(64)}.test`, 'a b.test', 'a\r\n.test']) {
      expect(await zone.mx(name)).toMatchObject({ status: 'not-found', reason: 'nxdomain' })
    }
    expect(await zone.ptr('rome.test')).toMatchObject({ status: 'not-found' })
  })

  it('rejects a lookup whose signal was aborted', async () => {
    const lookup = createDnsZone().mx('rome.test', { signal: AbortSignal.abort() })
    await expect(lookup).rejects.toMatchObject({ code: 'ABORTED', temporary: true })
  })
})
