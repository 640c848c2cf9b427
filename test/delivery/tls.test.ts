import { describe, expect, it } from 'vitest'
import { createMxTransport } from '../../src/delivery/create-mx-transport.js'
import type { MxTransportOptions } from '../../src/delivery/options.js'
import type { TlsResult } from '../../src/delivery/tls-policy/host-tls.js'
import { tlsProblem } from '../../src/delivery/tls-policy/tls-problem.js'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'
import { drop, type Script, type Step } from '../../src/testing/remote/script.js'
import { testTls } from '../fixtures/tls.js'
import { createOutsideWorld } from './outside-world.js'

const offering: Script = { extensions: ['STARTTLS', 'PIPELINING'] }
const garbage: Step = peer => {
  peer.say(['220 Go ahead', 'what is this doing here?'])
  peer.retort('this is no TLS record at all\r\n')
}
const goAheadAndDrop: Step = peer => {
  peer.say(['220 Go ahead'])
  peer.drop()
}
const broken: [string, Script][] = [
  ['garbage', { ...offering, STARTTLS: garbage }],
  ['a reset', { ...offering, STARTTLS: goAheadAndDrop }],
]

describe('opportunistic TLS', () => {
  it('encrypts when that is offered, and forgets what was said before (RFC 3207 §4.2)', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome(offering)
    expect(await world.deliverOne()).toMatchObject({
      status: 'delivered',
      tls: expect.stringMatching(/^TLSv1\.\d \S+$/),
    })
    const [peer] = rome.connections
    expect(peer?.secure).toBe(true)
    expect(peer?.commands.slice(0, 3)).toEqual(['EHLO mx.paris.test', 'STARTTLS', 'EHLO mx.paris.test'])
  })

  it.each(broken)('goes without when the handshake meets %s, over a new connection', async (_, script) => {
    await using world = await createOutsideWorld()
    const rome = await world.rome(script)
    const outcome = await world.deliverOne()
    expect(outcome).toMatchObject({ status: 'delivered' })
    expect(outcome.tls).toBeUndefined()
    expect(rome.connections.map(peer => peer.commands[1]?.slice(0, 8))).toEqual(['STARTTLS', 'MAIL FRO'])
  })

  it('goes without when the handshake stalls', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ ...offering, STARTTLS: '220 Go ahead' })
    expect(await world.deliverDuring('2m')).toMatchObject({ status: 'delivered' })
    expect(rome.connections).toHaveLength(2)
  })

  it('goes on in the clear when STARTTLS is refused', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ ...offering, STARTTLS: '454 4.7.0 Not now' })
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
    expect(rome.connections).toHaveLength(1)
  })

  it('gives up on a host that goes away at STARTTLS', async () => {
    await using world = await createOutsideWorld()
    await world.rome({ ...offering, STARTTLS: '421 4.3.2 Bye' })
    expect(await world.deliverOne()).toMatchObject({
      status: 'deferred',
      scope: 'host',
      reply: { code: 421 },
    })
  })

  it.each([
    // A reply to EHLO that would offer SIZE 1, and half a line.
    '250-evil.test\r\n250 SIZE 1\r\n250 ',
    'no reply at all\r\n',
  ])('does not believe what was slipped in before the handshake: %j', async injected => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({
      extensions: ['STARTTLS'],
      STARTTLS: peer => {
        peer.startTls(injected)
      },
    })
    expect(await world.deliverOne()).toMatchObject({
      status: 'delivered',
      tls: expect.stringContaining('TLS'),
    })
    expect(rome.connections).toHaveLength(1)
    expect(rome.connections[0]?.commands[3]).toBe('MAIL FROM:<alice@paris.test>')
  })

  it('is not even tried when it is off', async () => {
    await using world = await createOutsideWorld({ tls: 'none' })
    const rome = await world.rome(offering)
    expect((await world.deliverOne()).tls).toBeUndefined()
    expect(rome.connections[0]?.commands).not.toContain('STARTTLS')
  })
})

describe('onTls', () => {
  /** What it hears of one delivery. */
  async function heard(scripts: Script | readonly Script[], options: Partial<MxTransportOptions> = {}) {
    const results: TlsResult[] = []
    await using world = await createOutsideWorld({ ...options, onTls: result => results.push(result) })
    await world.rome(scripts)
    await world.deliverOne()
    return results.map(({ problem }) => problem?.kind ?? 'fine')
  }

  it('hears of each connection that came so far, and of one in place of another that failed', async () => {
    expect(await heard(offering)).toEqual(['fine'])
    const failing: Script = { ...offering, STARTTLS: garbage }
    expect(await heard([failing, offering])).toEqual(['validation-failure'])
    expect(await heard([failing, { greeting: '554 No' }])).toEqual(['validation-failure'])
  })

  it('hears nothing of connections that were lost before, or are never encrypted', async () => {
    expect(await heard({ greeting: drop })).toEqual([])
    expect(await heard(offering, { tls: 'none' })).toEqual([])
  })

  it('cannot keep a new connection from being used, and closed, by what it throws', async () => {
    const onTls = () => {
      throw new Error('no metrics')
    }
    await using world = await createOutsideWorld({ onTls })
    const rome = await world.rome()
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
    await world.transport.close()
    await rome.connections[0]?.closed
    expect(rome.connections[0]?.commands.at(-1)).toBe('QUIT')
  })
})

describe('required TLS', () => {
  it('defers what a host would have in the clear', async () => {
    await using world = await createOutsideWorld({ tls: 'required' })
    const rome = await world.rome([
      { extensions: [] },
      { ...offering, STARTTLS: '454 no' },
      { ...offering, STARTTLS: garbage },
    ])
    for (const enhanced of ['4.7.4', '4.7.4', '4.7.5']) {
      expect(await world.deliverOne()).toMatchObject({ status: 'deferred', scope: 'host', enhanced })
    }
    expect(rome.connections.flatMap(peer => peer.commands).join()).not.toContain('MAIL')
  })

  it.each([...broken, ['a stall', { ...offering, STARTTLS: '220 Go ahead' }] as const])(
    'defers when the handshake meets %s, and says nothing in the clear',
    async (_, script) => {
      await using world = await createOutsideWorld({ tls: 'required' })
      const rome = await world.rome(script)
      expect(await world.deliverDuring('10m')).toMatchObject({ status: 'deferred', scope: 'host' })
      expect(rome.connections.flatMap(peer => peer.commands).join()).not.toContain('MAIL')
    },
  )

  it('takes any certificate, or only one that is trusted and names the host', async () => {
    const ca = testTls.cert
    for (const [options, host, status] of [
      [{ tls: 'required' }, 'mx.rome.test', 'delivered'],
      [{ tls: 'verified' }, 'mx.rome.test', 'deferred'],
      [{ tls: 'verified', tlsOptions: { ca } }, 'mx.rome.test', 'delivered'],
      [{ tls: 'verified', tlsOptions: { ca } }, 'mx.milan.test', 'deferred'],
    ] as const) {
      await using world = await createOutsideWorld(options)
      world.zone.set('rome.test', { mx: host })
      await world.server(host, offering)
      const outcome = await world.deliverOne()
      expect(outcome.status).toBe(status)
      if (status === 'deferred') expect(outcome).toMatchObject({ scope: 'host', enhanced: '4.7.5' })
    }
  })
})

describe('REQUIRETLS (RFC 8689)', () => {
  const envelope = { sender: 'alice@paris.test', requireTls: true }
  const secure = { mx: 'mx.rome.test', secure: true }
  const tlsOptions = { ca: testTls.cert }

  it('goes over verified TLS to a host that passes it on', async () => {
    await using world = await createOutsideWorld({ tls: 'none', tlsOptions })
    const rome = await world.rome({ extensions: ['STARTTLS', 'REQUIRETLS'] })
    world.zone.set('rome.test', secure)
    expect(await world.deliverOne({ envelope })).toMatchObject({ status: 'delivered' })
    expect(rome.connections[0]?.commands[3]).toBe('MAIL FROM:<alice@paris.test> REQUIRETLS')
  })

  it('goes to a domain without MX by the name of the domain, which nobody can forge (§4.2.1)', async () => {
    await using world = await createOutsideWorld({ tlsOptions })
    const rome = await world.server('mx.rome.test', { extensions: ['STARTTLS', 'REQUIRETLS'] })
    expect(await world.deliverOne({ envelope, destination: 'mx.rome.test' })).toMatchObject({
      status: 'delivered',
      tlsVerified: 'pkix',
    })
    world.zone.set('rome.test', { a: rome.address })
    expect(await world.deliverOne({ envelope })).toMatchObject({ status: 'failed', enhanced: '5.7.10' })
  })

  it('looks for another host when one does not support it', async () => {
    await using world = await createOutsideWorld({ tlsOptions, hostname: 'mx.milan.test' })
    world.zone.set('rome.test', { mx: ['10 mx.rome.test', '20 mx.paris.test'], secure: true })
    await world.server('mx.rome.test', { extensions: ['STARTTLS'] })
    await world.server('mx.paris.test', { extensions: ['STARTTLS', 'REQUIRETLS'] })
    expect(await world.deliverOne({ envelope })).toMatchObject({ status: 'delivered', host: 'mx.paris.test' })
  })

  it('keeps no bounce from a server that is proven but offers no REQUIRETLS (§5)', async () => {
    await using world = await createOutsideWorld({ tlsOptions })
    const rome = await world.rome({ extensions: ['STARTTLS'] })
    world.zone.set('rome.test', secure)
    const bounce = { envelope: { sender: '', requireTls: true } }
    expect(await world.deliverOne(bounce)).toMatchObject({ status: 'delivered', tlsVerified: 'pkix' })
    expect(rome.connections[0]?.commands[3]).toBe('MAIL FROM:<>')
    world.zone.set('rome.test', { ...secure, secure: false })
    expect(await world.deliverOne(bounce)).toMatchObject({ status: 'failed', enhanced: '5.7.10' })
  })

  it.each([
    ['does not support it', { extensions: ['STARTTLS'] }, '5.7.30'],
    ['has no TLS', { extensions: ['REQUIRETLS'] }, '5.7.10'],
    ['botches TLS', { extensions: ['STARTTLS', 'REQUIRETLS'], STARTTLS: garbage }, '5.7.10'],
  ] as [string, Script, string][])(
    'returns the message when the only host %s',
    async (_, script, enhanced) => {
      await using world = await createOutsideWorld({ tlsOptions })
      const rome = await world.rome(script)
      world.zone.set('rome.test', secure)
      expect(await world.deliverOne({ envelope })).toMatchObject({
        status: 'failed',
        scope: 'host',
        enhanced,
      })
      expect(rome.connections.flatMap(peer => peer.commands).join()).not.toContain('MAIL')
    },
  )

  it('returns the message when the certificate or the MX could be forged', async () => {
    await using untrusting = await createOutsideWorld()
    await untrusting.rome({ extensions: ['STARTTLS', 'REQUIRETLS'] })
    untrusting.zone.set('rome.test', secure)
    expect(await untrusting.deliverOne({ envelope })).toMatchObject({ status: 'failed', enhanced: '5.7.10' })
    await using insecure = await createOutsideWorld({ tlsOptions })
    const rome = await insecure.rome({ extensions: ['STARTTLS', 'REQUIRETLS'] })
    expect(await insecure.deliverOne({ envelope })).toMatchObject({ status: 'failed', enhanced: '5.7.10' })
    expect(rome.connections).toHaveLength(0)
  })

  it('keeps it for later when the attempt is ended in the handshake', async () => {
    await using world = await createOutsideWorld({ tlsOptions })
    const ending = new AbortController()
    const rome = await world.rome({ extensions: ['STARTTLS', 'REQUIRETLS'], STARTTLS: '220 Go ahead' })
    world.zone.set('rome.test', secure)
    const delivering = world.deliver({ envelope }, ending.signal)
    await world.clock.advance('10s')
    expect(rome.connections[0]?.commands.at(1)).toBe('STARTTLS')
    ending.abort()
    expect(await delivering).toMatchObject([{ status: 'deferred' }])
  })

  it('keeps it for later when the host is only down', async () => {
    await using world = await createOutsideWorld({ tlsOptions })
    await world.rome({ greeting: drop })
    world.zone.set('rome.test', secure)
    expect(await world.deliverOne({ envelope })).toMatchObject({ status: 'deferred' })
  })
})

describe('a problem', () => {
  it('is told in few words, on one line', () => {
    expect(tlsProblem('validation-failure', 'a\r\nb').reason).not.toMatch(/[\r\n]/)
    expect(tlsProblem('validation-failure', 'a'.repeat(900)).reason).toHaveLength(500)
  })
})

describe('tlsOptions', () => {
  it('set the least version', async () => {
    const old: Script = {
      ...offering,
      STARTTLS: peer => peer.startTls('', { ...testTls, maxVersion: 'TLSv1.2' }),
    }
    await using world = await createOutsideWorld({ tls: 'required', tlsOptions: { minVersion: 'TLSv1.3' } })
    await world.rome(old)
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.7.5' })
    await using usual = await createOutsideWorld({ tls: 'required' })
    await usual.rome(old)
    expect(await usual.deliverOne()).toMatchObject({
      status: 'delivered',
      tls: expect.stringContaining('TLSv1.2'),
    })
  })

  it('are refused when they cannot be read', () => {
    const options = {
      resolver: createDnsZone(),
      hostname: 'mx.paris.test',
      tlsOptions: { ca: 'no certificate' },
    }
    expect(() => createMxTransport(options)).toThrow(
      expect.objectContaining({ code: 'CERTIFICATE_UNREADABLE' }),
    )
  })
})
