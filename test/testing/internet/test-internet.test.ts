import { buffer } from 'node:stream/consumers'
import tls from 'node:tls'
import { describe, expect, it, vi } from 'vitest'
import { createTestInternet } from '../../../src/testing/internet/create-test-internet.js'

const letter = (to: string, from = 'alice@paris.test') => ({
  from,
  to,
  subject: 'Hello',
  text: 'How are you?',
})

describe('createTestInternet', () => {
  it('routes mail between real servers and scripted hosts, by their DNS', async () => {
    await using internet = createTestInternet()
    const paris = await internet.server('paris.test', { users: ['alice'] })
    const rome = await internet.server('rome.test', { users: ['bob'] })
    const slow = internet.host('mx.slow.test')
    slow.on.rcpt(/@slow/).times(2).reply(451, '4.7.1 greylisted').then.accept()
    await paris.queue.send(letter('bob@rome.test'))
    await paris.queue.send(letter('carol@slow.test'))
    await internet.clock.settled()
    expect((await rome.inbox('bob')).map(message => message.subject)).toEqual(['Hello'])
    expect(slow.messages).toEqual([])
    await internet.clock.advance('4h')
    expect(slow.messages).toMatchObject([{ sender: 'alice@paris.test', recipients: ['carol@slow.test'] }])
    expect(slow.messages[0]?.raw.toString()).toContain('Subject: Hello\r\n')
    expect(slow.connections[0]?.ends).toMatchObject({ remoteAddress: paris.address, localPort: 25 })
    expect(await paris.queue.list()).toEqual([])
  })

  it('bounces to a server what a scripted host refuses', async () => {
    await using internet = createTestInternet()
    const paris = await internet.server('paris.test', { users: ['alice'] })
    internet
      .host('mx.strict.test')
      .on.message(/How are you/)
      .reply(554, ['5.7.1 We are', '5.7.1 well'])
    await paris.queue.send(letter('x@strict.test'))
    await internet.clock.settled()
    expect((await paris.inbox('alice'))[0]?.text).toContain('554 5.7.1 We are')
  })

  it('names a host and its address, both ways, and keeps a host for its name', async () => {
    await using internet = createTestInternet()
    const a = internet.host('A.rome.test')
    const b = internet.host('b.rome.test', { addresses: ['2001:db8::2', '198.51.100.2'] })
    expect(internet.host('a.rome.test')).toBe(a)
    const { resolver } = internet.dns
    expect(await resolver.mx('rome.test')).toMatchObject({ records: [{ exchange: 'a.rome.test' }] })
    expect(await resolver.addresses('b.rome.test')).toMatchObject({
      records: [{ address: '2001:db8::2' }, { address: '198.51.100.2' }],
    })
    expect(await resolver.ptr(b.address)).toMatchObject({ records: ['b.rome.test'] })
    expect(await resolver.mx('test')).toMatchObject({ status: 'not-found' })
    internet.host('mx.oslo.test', { mxFor: ['oslo.test', 'bergen.test'] })
    expect(await resolver.mx('bergen.test')).toMatchObject({ records: [{ exchange: 'mx.oslo.test' }] })
  })

  it.each([
    ['servfail', '4h'],
    ['timeout', '4h'],
    ['refused', '4h'],
  ] as const)('keeps mail while DNS fails with %s, and delivers it after', async (fault, time) => {
    await using internet = createTestInternet()
    const paris = await internet.server('paris.test', { users: ['alice'] })
    const rome = internet.host('mx.rome.test')
    const failing = internet.dns.fail('rome.test', fault, 'MX')
    await paris.queue.send(letter('bob@rome.test'))
    await internet.clock.advance('1h')
    expect(rome.connections).toEqual([])
    failing[Symbol.dispose]()
    await internet.clock.advance(time)
    expect(rome.messages).toHaveLength(1)
  })

  it.each(['MX', 'A', 'AAAA', 'TXT', 'TLSA'] as const)('fails questions of type %s alone', async type => {
    await using internet = createTestInternet()
    const { dns } = internet
    const name = 'all.test'
    const records = { mx: 'mx.all.test', a: '192.0.2.1', aaaa: '2001:db8::1', txt: 'x', tlsa: '3 1 1 00' }
    dns.set(name, records)
    const { resolver } = dns
    const ask = async () => ({
      MX: (await resolver.mx(name)).status,
      A: (await resolver.addresses(name, { family: 4 })).status,
      AAAA: (await resolver.addresses(name, { family: 6 })).status,
      TXT: (await resolver.txt(name)).status,
      TLSA: (await resolver.tlsa(name)).status,
    })
    const right = { MX: 'found', A: 'found', AAAA: 'found', TXT: 'found', TLSA: 'found' }
    {
      using _failing = dns.fail(name, 'servfail', type)
      expect(await ask()).toEqual({ ...right, [type]: 'temporary-failure' })
    }
    expect(await ask()).toEqual(right)
  })

  it.each([
    ['A', 'mx.rome.test'],
    ['TLSA', '_25._tcp.mx.rome.test'],
  ] as const)('keeps mail while lookups of %s fail, and delivers it after', async (type, name) => {
    await using internet = createTestInternet()
    const paris = await internet.server('paris.test', { users: ['alice'] })
    const rome = internet.host('mx.rome.test')
    internet.dane('mx.rome.test')
    const failing = internet.dns.fail(name, 'servfail', type)
    await paris.queue.send(letter('bob@rome.test'))
    await internet.clock.advance('1h')
    expect(rome.messages).toEqual([])
    failing[Symbol.dispose]()
    await internet.clock.advance('4h')
    expect(rome.messages).toHaveLength(1)
  })

  it('has lookups that nobody answers take as long as they would', async () => {
    await using internet = createTestInternet()
    internet.host('mx.rome.test')
    using _failing = internet.dns.fail('rome.test', 'timeout')
    const told: unknown[] = []
    const lookup = internet.dns.resolver.mx('rome.test').then(answer => told.push(answer))
    await internet.clock.advance(5_999)
    expect(told).toEqual([])
    await internet.clock.advance(1)
    await lookup
    expect(told).toMatchObject([{ status: 'temporary-failure', reason: 'timeout' }])
    const ending = new AbortController()
    const aborted = internet.dns.resolver.mx('rome.test', { signal: ending.signal })
    ending.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('returns mail to a name that is denied, until it is there again', async () => {
    await using internet = createTestInternet()
    const paris = await internet.server('paris.test', { users: ['alice'] })
    const rome = internet.host('mx.rome.test')
    internet.dns.fail('ROME.test', 'nxdomain')
    await paris.queue.send(letter('bob@rome.test'))
    await internet.clock.settled()
    expect(await paris.inbox('alice')).toHaveLength(1)
    internet.dns.set('rome.test', { txt: 'v=spf1 mx -all' })
    expect(await internet.dns.resolver.txt('rome.test')).toMatchObject({ status: 'not-found' })
    internet.dns.recover()
    await paris.queue.send(letter('bob@rome.test'))
    await internet.clock.settled()
    expect(rome.messages).toHaveLength(1)
    expect(await internet.dns.resolver.txt('rome.test')).toMatchObject({ status: 'found' })
  })

  it('cuts hosts off and plugs them in again', async () => {
    await using internet = createTestInternet()
    const paris = await internet.server('paris.test', { users: ['alice'] })
    const rome = internet.host('mx.rome.test')
    internet.unplug('mx.rome.test')
    await paris.queue.send(letter('bob@rome.test'))
    await internet.clock.advance('1h')
    expect(rome.messages).toEqual([])
    expect((await paris.queue.list())[0]?.recipient.address).toBe('bob@rome.test')
    internet.plug('mx.rome.test')
    await internet.clock.advance('4h')
    expect(rome.messages).toHaveLength(1)
  })

  it('ends with a scope what was done in it', async () => {
    await using internet = createTestInternet()
    const paris = await internet.server('paris.test', { users: ['alice'] })
    const rome = internet.host('mx.rome.test')
    {
      using _ = internet.scope()
      rome.on.mail().reply(550, '5.7.1 not in this scope')
      internet.host('mx.oslo.test').on.mail().reply(550, '5.7.1 nor here')
      internet.dns.fail('bergen.test', 'servfail')
      internet.unplug('mx.rome.test')
    }
    await paris.queue.send(letter('bob@rome.test'))
    await internet.clock.settled()
    expect(rome.messages).toHaveLength(1)
    expect(await internet.dns.resolver.mx('bergen.test')).toMatchObject({ status: 'not-found' })
  })

  it('draws the same from the same seed', async () => {
    const fates = async (seed: number) => {
      await using internet = createTestInternet({ seed })
      const paris = await internet.server('paris.test', { users: ['alice'] })
      const flaky = internet.host('mx.flaky.test')
      flaky.on.rcpt().chance(0.5).reply(451, '4.3.0 by chance')
      for (let index = 0; index < 6; index++) await paris.queue.send(letter(`${index}@flaky.test`))
      await internet.clock.advance('30h')
      return flaky.messages.map(message => message.at)
    }
    const [one, same, other] = [await fates(7), await fates(7), await fates(8)]
    expect(one).toHaveLength(6)
    expect(same).toEqual(one)
    expect(other).not.toEqual(one)
  })

  it('says its seed when a test fails, to the runner or in the error', async () => {
    const hooks: (() => void)[] = []
    await using internet = createTestInternet({ seed: 4711, onTestFailed: hook => hooks.push(hook) })
    internet.host('mx.rome.test')
    await expect(
      internet.run(() => {
        throw new Error('expected 1, got 2')
      }),
    ).rejects.toThrow(/expected 1, got 2\nthe test internet of seed 4711, at 2026-.*\n.*mx\.rome\.test/)
    expect(await internet.run(() => 5)).toBe(5)
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    hooks[0]?.()
    expect(write.mock.calls.join()).toContain('seed 4711')
    write.mockRestore()
  })

  it('gives software of one’s own a place', async () => {
    await using internet = createTestInternet()
    const rome = internet.host('mx.rome.test')
    const place = internet.attach('app.paris.test')
    const socket = await place.network.connect({ host: rome.address, port: 25 })
    const greeting = await new Promise(resolve => socket.once('data', resolve))
    expect(String(greeting)).toBe('220 mx.rome.test ESMTP\r\n')
    expect(rome.connections[0]?.ends.remoteAddress).toBe(place.address)
    socket.destroy()
  })

  it('refuses wrong options', () => {
    expect(() => createTestInternet({ seed: 'x' } as never)).toThrow(/createTestInternet: seed: /)
  })

  it('signs the certificates of its hosts, which verified delivery takes, and takes no faulty one', async () => {
    await using internet = createTestInternet()
    const paris = await internet.server('paris.test', {
      users: ['alice'],
      server: { queue: { delivery: { tls: 'verified', tlsOptions: { ca: internet.ca } } } },
    })
    const rome = internet.host('mx.rome.test')
    const reasons: string[] = []
    paris.queue.on('recipient:deferred', event => reasons.push(event.attempt.reason))
    for (const fault of ['wrong-name', 'expired', 'self-signed'] as const) {
      using _ = internet.scope()
      rome.breakCertificate(fault)
      await paris.queue.send(letter(`${fault}@rome.test`))
      await internet.clock.settled()
    }
    expect(rome.messages).toEqual([])
    expect(reasons).toEqual([
      expect.stringContaining('ALTNAME_INVALID'),
      expect.stringContaining('EXPIRED'),
      expect.stringContaining('SELF_SIGNED'),
    ])
    rome.breakCertificate('expired')
    rome.reset()
    await internet.clock.advance('5h')
    expect(rome.messages).toHaveLength(3)
    expect(rome.messages[0]?.peer.tls).toMatchObject({ protocol: 'TLSv1.3', servername: 'mx.rome.test' })
  })

  it('serves MTA-STS policies and publishes keys for DANE', async () => {
    await using internet = createTestInternet()
    internet.host('mx.rome.test')
    await internet.mtaSts('rome.test', { mode: 'testing', mx: ['mx.rome.test'] })
    await internet.mtaSts('rome.test', {
      mode: 'enforce',
      mx: ['mx.rome.test', '*.rome.test'],
      maxAge: 86_400,
    })
    const { network, resolver } = internet.attach('app.paris.test')
    expect(await resolver.txt('_mta-sts.rome.test')).toMatchObject({ records: ['v=STSv1; id=2;'] })
    const found = await resolver.addresses('mta-sts.rome.test')
    const host = found.status === 'found' ? found.records[0]?.address : undefined
    const socket = await network.connect({ host: host ?? '', port: 443 })
    const secure = tls.connect({ socket, servername: 'mta-sts.rome.test', ca: internet.ca })
    secure.write(
      'GET /.well-known/mta-sts.txt HTTP/1.1\r\nhost: mta-sts.rome.test\r\nconnection: close\r\n\r\n',
    )
    const answer = String(await buffer(secure))
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(answer).toContain(
      'version: STSv1\r\nmode: enforce\r\nmx: mx.rome.test\r\nmx: *.rome.test\r\nmax_age: 86400\r\n',
    )
    internet.dane('mx.rome.test')
    expect(await resolver.tlsa('_25._tcp.mx.rome.test')).toMatchObject({
      secure: true,
      records: [{ usage: 3, selector: 1, matchingType: 1 }],
    })
    expect(await resolver.mx('rome.test')).toMatchObject({ status: 'found', secure: true })
  })
})
