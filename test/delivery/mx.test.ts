import { describe, expect, it } from 'vitest'
import { isPublicAddress } from '../../src/delivery/public-address.js'
import { createDnsResolver } from '../../src/dns/create-dns-resolver.js'
import { flag } from '../../src/dns/packet.js'
import { drop, hangUp } from '../../src/testing/remote/script.js'
import { mxAnswer, replyTo, startScriptedServer } from '../dns/scripted-name-server.js'
import { createOutsideWorld } from './outside-world.js'

const mx = (...entries: [number, string][]) => ({
  mx: entries.map(([preference, exchange]) => ({ preference, exchange })),
})

describe('finding the hosts', () => {
  it('tries them by preference, and the next when one fails', async () => {
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', mx([30, 'c.rome.test'], [10, 'a.rome.test'], [20, 'b.rome.test']))
    const a = await world.server('a.rome.test', { greeting: drop })
    const b = await world.server('b.rome.test', { MAIL: '421 4.3.2 Bye' })
    const c = await world.server('c.rome.test')
    expect(await world.deliverOne()).toMatchObject({
      status: 'delivered',
      host: 'c.rome.test',
      address: c.address,
    })
    expect([a, b, c].map(server => server.connections.length)).toEqual([1, 1, 1])
  })

  it('asks a host that is named twice once, where it is wanted most', async () => {
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', mx([10, 'a.rome.test'], [20, 'b.rome.test'], [30, 'a.rome.test']))
    const a = await world.server('a.rome.test', { greeting: '421 4.3.2 Busy' })
    await world.server('b.rome.test', { greeting: '421 4.3.2 Busy' })
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', host: 'b.rome.test' })
    expect(a.connections).toHaveLength(1)
  })

  it('takes equals in an order of each message, and the same when it is tried again after a greylist', async () => {
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', mx([10, 'a.rome.test'], [10, 'b.rome.test']))
    await world.server('a.rome.test', { RCPT: '451 4.7.1 Greylisted' })
    await world.server('b.rome.test', { RCPT: '451 4.7.1 Greylisted' })
    const asked = new Map<string, number>()
    for (let index = 0; index < 20; index++) {
      const traceId = `message-${index}`
      const { host = '' } = await world.deliverOne({ traceId })
      asked.set(host, (asked.get(host) ?? 0) + 1)
      for (const attempt of [2, 3]) expect((await world.deliverOne({ traceId, attempt })).host).toBe(host)
    }
    expect([...asked.keys()].sort()).toEqual(['a.rome.test', 'b.rome.test'])
  })

  it('offers to the next host only those recipients that have no answer', async () => {
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', mx([10, 'a.rome.test'], [20, 'b.rome.test']))
    await world.server('a.rome.test', { extensions: [], RCPT: { inTurn: ['550 5.1.1 no', '421 4.3.2 Bye'] } })
    const b = await world.server('b.rome.test')
    const outcomes = await world.deliver({ to: ['x@rome.test', 'y@rome.test', 'z@rome.test'] })
    expect(outcomes.map(({ recipient, status, host }) => [recipient, status, host])).toEqual([
      ['x@rome.test', 'failed', 'a.rome.test'],
      ['y@rome.test', 'delivered', 'b.rome.test'],
      ['z@rome.test', 'delivered', 'b.rome.test'],
    ])
    expect(b.connections[0]?.commands.filter(command => command.startsWith('RCPT'))).toHaveLength(2)
  })

  it.each(['450 4.2.1 Later', '550 5.1.1 Who?'])(
    'takes %s for an answer, and asks no other host',
    async RCPT => {
      await using world = await createOutsideWorld()
      world.zone.set('rome.test', mx([10, 'a.rome.test'], [20, 'b.rome.test']))
      await world.server('a.rome.test', { RCPT })
      const b = await world.server('b.rome.test')
      expect((await world.deliverOne()).host).toBe('a.rome.test')
      expect(b.connections).toHaveLength(0)
    },
  )

  it('asks another host where one wants TLS or a login that it cannot have, and returns the mail where all do', async () => {
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', mx([10, 'a.rome.test'], [20, 'b.rome.test']))
    const wanting = { MAIL: '530 5.7.0 Must issue a STARTTLS command first' }
    await world.server('a.rome.test', wanting)
    await world.server('b.rome.test', [{}, wanting])
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', host: 'b.rome.test' })
    await world.clock.advance('1m')
    expect(await world.deliverOne()).toMatchObject({
      status: 'failed',
      scope: 'host',
      host: 'b.rome.test',
      reply: { code: 530 },
    })
  })

  it('never asks another host once the final dot is out', async () => {
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', mx([10, 'a.rome.test'], [20, 'b.rome.test']))
    const a = await world.server('a.rome.test', { dot: hangUp })
    const b = await world.server('b.rome.test')
    expect(await world.deliverOne()).toMatchObject({ status: 'unknown', host: 'a.rome.test' })
    expect([a.connections[0]?.messages.length, b.connections.length]).toEqual([1, 0])
  })

  it('goes to the domain itself when it has no MX but an address', async () => {
    await using world = await createOutsideWorld()
    await world.server('rome.test')
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', host: 'rome.test' })
  })

  it('does not go there when the MX lookup failed, or the hosts of the MX have no address', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.server('rome.test')
    world.zone.fail('rome.test', 'servfail', 'MX')
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', scope: 'host', enhanced: '4.4.3' })
    world.zone.recover()
    world.zone.set('rome.test', { a: rome.address, ...mx([10, 'gone.rome.test']) })
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', scope: 'host', enhanced: '5.4.4' })
    expect(rome.connections).toHaveLength(0)
  })

  it('tells a domain that does not exist from one that cannot be looked up', async () => {
    await using world = await createOutsideWorld()
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', scope: 'host', enhanced: '5.1.2' })
    world.zone.fail('rome.test', 'timeout')
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.4.3' })
    world.zone.recover()
    world.zone.set('rome.test', mx([10, 'mx.rome.test']))
    world.zone.fail('mx.rome.test', 'servfail')
    expect(await world.deliverOne()).toMatchObject({
      status: 'deferred',
      host: 'mx.rome.test',
      enhanced: '4.4.3',
    })
  })

  it('defers when one host cannot be looked up and the other does not exist', async () => {
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', mx([10, 'a.rome.test'], [20, 'b.rome.test']))
    world.zone.fail('a.rome.test', 'servfail')
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', host: 'a.rome.test' })
  })

  it('returns mail for a domain with a null MX (RFC 7505)', async () => {
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', { mx: '0 .', a: '192.0.2.99' })
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', scope: 'host', enhanced: '5.1.10' })
  })

  it('goes straight to an address literal', async () => {
    await using world = await createOutsideWorld()
    await world.server('mx.rome.test', {}, '192.0.2.77')
    await world.server('six.rome.test', {}, '2001:db8::77')
    for (const [destination, address] of [
      ['[192.0.2.77]', '192.0.2.77'],
      ['[IPv6:2001:db8::77]', '2001:db8::77'],
    ] as const) {
      expect(await world.deliverOne({ destination, to: [`bob@${destination}`] })).toMatchObject({
        status: 'delivered',
        host: destination,
        address,
      })
    }
  })

  it('takes both families by turns', async () => {
    const dialled: string[] = []
    await using world = await createOutsideWorld({
      tls: 'none',
      logger: silentBut(fields => dialled.push(fields.address)),
    })
    world.zone.set('rome.test', mx([10, 'mx.rome.test']))
    world.zone.set('mx.rome.test', {
      a: ['192.0.2.50', '192.0.2.51'],
      aaaa: ['2001:db8::50', '2001:db8::51', '2001:db8::52'],
    })
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.4.1' })
    expect(dialled).toEqual(['2001:db8::50', '192.0.2.50', '2001:db8::51', '192.0.2.51', '2001:db8::52'])
  })

  it('gives up on an address that does not answer, and takes the next', async () => {
    await using world = await createOutsideWorld()
    await world.rome()
    world.zone.set('mx.rome.test', { aaaa: '2001:db8::bad', a: '192.0.2.10' })
    world.network.unplug('2001:db8::bad')
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', address: '192.0.2.10' })
  })

  it('tells of the host that had most to say when all fail', async () => {
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', mx([10, 'a.rome.test'], [20, 'b.rome.test']))
    await world.server('a.rome.test', { greeting: '421 4.7.0 Go away for a while' })
    world.zone.set('b.rome.test', { a: '192.0.2.250' })
    expect(await world.deliverOne()).toMatchObject({
      status: 'deferred',
      host: 'a.rome.test',
      reply: { code: 421 },
    })
  })
})

describe('a hostile or broken MX', () => {
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:192.0.2.77',
    'fd00::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '192.0.0.8',
    '198.18.0.1',
    '::127.0.0.1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::a01:203',
    '64:ff9b:1::808:808',
    '2002:7f00:1::1',
    '2002:c0a8:101::1',
    '100::1',
  ])('is not followed to %s', async address => {
    expect(isPublicAddress(address)).toBe(false)
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', mx([10, 'mx.rome.test']))
    const trap = await world.server('mx.rome.test', {}, address)
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', scope: 'host', enhanced: '5.4.4' })
    const literal = `[${address.includes(':') ? 'IPv6:' : ''}${address}]`
    expect(await world.deliverOne({ destination: literal })).toMatchObject({
      status: 'failed',
      enhanced: '5.4.4',
    })
    expect(trap.connections).toHaveLength(0)
  })

  it.each([
    '192.0.2.1',
    '8.8.8.8',
    '172.32.0.1',
    '2001:db8::1',
    '2606:4700::1111',
    '64:ff9b::808:808',
    '2002:808:808::1',
  ])('is followed to %s', address => {
    expect(isPublicAddress(address)).toBe(true)
  })

  it('is followed to a private address when that is allowed', async () => {
    await using world = await createOutsideWorld({ allowPrivateAddresses: true })
    world.zone.set('rome.test', mx([10, 'mx.rome.test']))
    await world.server('mx.rome.test', {}, '10.0.0.1')
    expect((await world.deliverOne()).status).toBe('delivered')
  })

  it('costs a bounded number of lookups and connections when it names thousands of hosts', async () => {
    await using world = await createOutsideWorld()
    world.zone.set(
      'rome.test',
      mx(...Array.from({ length: 5000 }, (_, index): [number, string] => [10, `mx${index}.rome.test`])),
    )
    let lookups = 0
    let dials = 0
    const { addresses } = world.zone
    world.zone.addresses = (host, options) => {
      lookups++
      return addresses.call(world.zone, host, options)
    }
    for (let index = 0; index < 5000; index++) {
      world.zone.set(`mx${index}.rome.test`, {
        a: Array.from({ length: 50 }, (_, last) => `192.0.2.${last + 100}`),
      })
    }
    const { connect } = world.outside
    world.outside.connect = options => {
      dials++
      return connect(options)
    }
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.4.1' })
    expect([lookups, dials]).toEqual([10, 12])
  })

  it('has no more than a certain time', async () => {
    await using world = await createOutsideWorld({ timeouts: { connect: '4m' } })
    let dials = 0
    world.outside.connect = () => {
      dials++
      return new Promise(() => {})
    }
    world.zone.set('rome.test', mx([10, 'mx.rome.test']))
    world.zone.set('mx.rome.test', { a: ['192.0.2.5', '192.0.2.6', '192.0.2.7', '192.0.2.8', '192.0.2.9'] })
    expect(await world.deliverDuring('1h')).toMatchObject({ status: 'deferred', enhanced: '4.4.2' })
    expect(dials).toBe(3)
  })

  it('has a connection that stands too late cut off', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    const { connect } = world.outside
    const signals: (AbortSignal | undefined)[] = []
    let stand = () => {}
    const late = new Promise<void>(resolve => {
      stand = resolve
    })
    world.outside.connect = async ({ signal, ...options }) => {
      signals.push(signal)
      await late
      return connect(options)
    }
    expect(await world.deliverDuring('30s')).toMatchObject({ status: 'deferred', enhanced: '4.4.2' })
    expect(signals.map(signal => signal?.aborted)).toEqual([true])
    stand()
    await world.clock.settled()
    await rome.connections[0]?.closed
    expect(rome.connections).toHaveLength(1)
  })

  it('may have names that are none', async () => {
    await using world = await createOutsideWorld({
      resolver: {
        ...(await createOutsideWorld()).zone,
        mx: async () => ({
          status: 'found',
          records: [
            { preference: 1, exchange: '' },
            { preference: 2, exchange: 'a b\r\n' },
            { preference: 3, exchange: '..' },
          ],
          ttl: 1,
          secure: false,
        }),
        addresses: () => Promise.reject(new Error('must not be asked')),
        txt: async () => ({ status: 'not-found', reason: 'nxdomain', ttl: 1, secure: false }),
      },
    })
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', enhanced: '5.4.4' })
  })

  it('survives a resolver that throws, and one that never answers', async () => {
    const zone = (await createOutsideWorld()).zone
    await using throwing = await createOutsideWorld({
      resolver: { ...zone, mx: () => Promise.reject(new Error('broken')), addresses: zone.addresses },
    })
    expect(await throwing.deliverOne()).toMatchObject({
      status: 'deferred',
      scope: 'local',
      reason: 'broken',
    })
    await using mute = await createOutsideWorld({
      resolver: { ...zone, mx: () => new Promise(() => {}), addresses: zone.addresses },
    })
    expect(await mute.deliverDuring('3h')).toMatchObject({ status: 'deferred', scope: 'local' })
  })

  it('whose answer is cut short, and the rest of it withheld, is asked for later: no part of it is used', async () => {
    const trap = { flags: flag.truncated, answers: [mxAnswer('rome.test', 'mx.rome.test')] }
    const server = await startScriptedServer((asked, socket) => {
      if (asked.transport === 'udp') return replyTo(asked, trap)
      socket?.end()
      return undefined
    })
    const resolver = createDnsResolver({ servers: [server.address] })
    await using world = await createOutsideWorld({ resolver })
    const rome = await world.rome()
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.4.3' })
    expect(rome.connections).toEqual([])
    await resolver.close()
    await server.close()
  })
})

describe('this server among the MX (RFC 5321 §5.1)', () => {
  it('ends the list: neither it nor its equals nor those behind are tried', async () => {
    await using world = await createOutsideWorld()
    world.zone.set(
      'rome.test',
      mx([10, 'a.rome.test'], [20, 'b.rome.test'], [20, 'MX.paris.test'], [30, 'c.rome.test']),
    )
    world.zone.set('mx.paris.test', { a: '192.0.2.1' })
    await world.server('a.rome.test', { greeting: '421 4.3.2 Busy' })
    const b = await world.server('b.rome.test')
    const c = await world.server('c.rome.test')
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', host: 'a.rome.test' })
    expect([b.connections.length, c.connections.length]).toEqual([0, 0])
  })

  it('returns the mail when it is the best', async () => {
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', mx([10, 'mx.paris.test'], [20, 'b.rome.test']))
    const b = await world.server('b.rome.test')
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', scope: 'host', enhanced: '5.4.6' })
    expect(b.connections).toHaveLength(0)
  })

  it('is recognised by a name with U-labels, which EHLO says in A-labels', async () => {
    await using world = await createOutsideWorld({ hostname: 'mx.Bücher.test' })
    const rome = await world.rome()
    await world.deliverOne()
    expect(rome.connections[0]?.commands[0]).toBe('EHLO mx.xn--bcher-kva.test')
    world.zone.set('milan.test', mx([10, 'mx.xn--bcher-kva.test']))
    await world.server('mx.xn--bcher-kva.test')
    expect(await world.deliverOne({ destination: 'milan.test' })).toMatchObject({ enhanced: '5.4.6' })
  })

  it('is recognised by its addresses, and so is what is behind it', async () => {
    await using world = await createOutsideWorld()
    const first = await world.server('mx1.rome.test', { greeting: '554 Not today' })
    await world.server('alias.paris.test', {}, '192.0.2.1')
    const behind = await world.server('mx3.rome.test')
    world.zone.set('rome.test', mx([10, 'mx1.rome.test'], [20, 'alias.paris.test'], [20, 'mx3.rome.test']))
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', host: 'mx1.rome.test' })
    expect([first.connections.length, behind.connections.length]).toEqual([1, 0])
    world.zone.set('milan.test', mx([10, 'alias.paris.test']))
    world.zone.set('alias.paris.test', { aaaa: '2001:DB8:0::1' })
    expect(await world.deliverOne({ destination: 'milan.test' })).toMatchObject({ enhanced: '5.4.6' })
  })

  it('is recognised behind an alias, where its addresses are not known here', async () => {
    await using world = await createOutsideWorld({ ownAddresses: [] })
    world.zone.set('rome.test', mx([10, 'alias.paris.test']))
    world.zone.set('alias.paris.test', { cname: 'mx.paris.test' })
    const paris = await world.server('mx.paris.test')
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', enhanced: '5.4.6' })
    expect(paris.connections).toEqual([])
  })

  it('has the addresses it is said to have, and no others', async () => {
    await using world = await createOutsideWorld({ ownAddresses: ['192.0.2.42'] })
    world.zone.set('rome.test', mx([10, 'mx.rome.test']))
    await world.server('mx.rome.test', {}, '192.0.2.1')
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
    world.zone.set('mx.rome.test', { a: '192.0.2.42' })
    expect(await world.deliverOne()).toMatchObject({ enhanced: '5.4.6' })
    await expect(createOutsideWorld({ ownAddresses: ['here'] })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
  })

  it('is recognised by whatever the app says', async () => {
    await using world = await createOutsideWorld({
      isSelf: (_, addresses) => addresses.includes('192.0.2.42'),
    })
    world.zone.set('rome.test', mx([10, 'alias.paris.test']))
    await world.server('alias.paris.test', {}, '192.0.2.42')
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', enhanced: '5.4.6' })
  })
})

function silentBut(info: (fields: { address: string }) => void) {
  const ignore = () => {}
  return {
    debug: ignore,
    warn: ignore,
    error: ignore,
    info: (fields: object) => info(fields as { address: string }),
  }
}

describe('addresses of one family', () => {
  it('are kept to where the delivery says so', async () => {
    await using world = await createOutsideWorld()
    const four = await world.rome()
    world.zone.set('mx.rome.test', { a: four.address, aaaa: '2001:db8::7' })
    expect(await world.deliverOne({ family: 4 })).toMatchObject({
      status: 'delivered',
      address: four.address,
    })
    expect(await world.deliverOne({ family: 6 })).toMatchObject({
      status: 'deferred',
      address: '2001:db8::7',
    })
  })

  it('are those of the local address, which servers then see', async () => {
    await using world = await createOutsideWorld({ localAddress: '192.0.2.3' })
    await world.server('mx.rome.test', {}, '2001:db8::7')
    const four = await world.rome()
    world.zone.set('mx.rome.test', { a: four.address, aaaa: '2001:db8::7' })
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered', address: four.address })
    // Not the first address of this host.
    expect(four.connections.map(peer => peer.ends.remoteAddress)).toEqual(['192.0.2.3'])
    world.zone.set('mx.rome.test', { aaaa: '2001:db8::7' })
    world.zone.set('oslo.test', { mx: [{ preference: 10, exchange: 'mx.rome.test' }] })
    expect(await world.deliverOne({ destination: 'oslo.test' })).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('family'),
    })
  })

  it('are each spoken to from the local address of the same', async () => {
    await using world = await createOutsideWorld({ localAddress: ['192.0.2.3', '2001:db8::3'] })
    const six = await world.server('six.rome.test', { greeting: '421 4.3.2 Busy' }, '2001:db8::7')
    const four = await world.rome()
    world.zone.set('mx.rome.test', { a: four.address, aaaa: six.address })
    expect((await world.deliverOne()).status).toBe('delivered')
    const sources = [six, four].map(server => server.connections.map(peer => peer.ends.remoteAddress))
    expect(sources).toEqual([['2001:db8::3'], ['192.0.2.3']])
  })
})
