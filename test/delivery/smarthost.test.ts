import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type net from 'node:net'
import { createInterface } from 'node:readline'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { afterEach, describe, expect, it } from 'vitest'
import { createSimulatedNetwork } from '../../src/core/simulated-network.js'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { createSmarthostTransport } from '../../src/delivery/create-smarthost-transport.js'
import type { SmarthostTransportOptions } from '../../src/delivery/relay-options.js'
import type { TlsResult } from '../../src/delivery/tls-policy/host-tls.js'
import type { Delivery } from '../../src/delivery/transport.js'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'
import { bytesSource } from '../../src/message/sources.js'
import { createScriptedServer } from '../../src/testing/remote/create-scripted-server.js'
import { hangUp, type Script, silence } from '../../src/testing/remote/script.js'
import { testTls, testTlsFiles } from '../fixtures/tls.js'
import { aiosmtpd, describeWith } from '../testing-tools/tools.js'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

const letter: Delivery = {
  traceId: 'trace',
  destination: 'rome.test',
  envelope: { sender: 'alice@paris.test' },
  recipients: [{ address: 'bob@rome.test' }],
  message: bytesSource('Subject: Hello\r\n\r\nHow are you?\r\n'),
  attempt: 1,
}

function smarthost(options: Partial<SmarthostTransportOptions> & Pick<SmarthostTransportOptions, 'servers'>) {
  const transport = createSmarthostTransport({
    hostname: 'mx.paris.test',
    tlsOptions: { ca: testTls.cert },
    ...options,
  })
  closing.push(() => transport.close())
  return {
    deliver: (one = letter, signal = AbortSignal.timeout(10_000)) => transport.deliver(one, signal),
    close: () => transport.close(),
  }
}

/** A server of the package smtp-server that wants a login. */
async function submissionServer(options: SMTPServerOptions = {}) {
  const logins: { method: string; user: string }[] = []
  const messages: string[] = []
  const server = new SMTPServer({
    ...testTls,
    authMethods: ['PLAIN', 'LOGIN', 'XOAUTH2'],
    onAuth({ method, username = '', password, accessToken }, _session, done) {
      logins.push({ method, user: username })
      const fits = password === 'open sesame' || accessToken === 'fresh'
      done(fits ? null : new Error('Wrong'), fits ? { user: username } : undefined)
    },
    onData(stream, session, done) {
      messages.push(`${session.user} ${session.secure ? 'encrypted' : 'plain'}`)
      stream.on('end', done)
      stream.resume()
    },
    ...options,
  })
  // It tells of clients that break off a handshake, which some tests are about.
  server.on('error', () => {})
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  closing.push(() => new Promise<void>(resolve => server.close(resolve)))
  return { port: (listening.address() as net.AddressInfo).port, logins, messages }
}

describe('smtp-server as a smarthost', () => {
  it.each(['PLAIN', 'LOGIN'] as const)('lets us in by AUTH %s, over STARTTLS', async mechanism => {
    const { port, logins, messages } = await submissionServer()
    const auth = { user: 'alice', password: 'open sesame', mechanism }
    const { deliver } = smarthost({ servers: [{ host: '127.0.0.1', port, auth }] })
    expect(await deliver()).toMatchObject([{ status: 'delivered', tls: expect.stringContaining('TLS') }])
    expect(logins).toEqual([{ method: mechanism, user: 'alice' }])
    expect(messages).toEqual(['alice encrypted'])
  })

  it('takes mail over implicit TLS, and over one connection', async () => {
    const { port, logins, messages } = await submissionServer({ secure: true })
    const auth = { user: 'alice', password: 'open sesame' }
    const { deliver } = smarthost({ servers: [{ host: '127.0.0.1', port, tls: 'implicit' }], auth })
    for (const _ of [1, 2]) {
      expect(await deliver()).toMatchObject([{ status: 'delivered', tls: expect.stringContaining('TLS') }])
    }
    expect(messages).toEqual(['alice encrypted', 'alice encrypted'])
    expect(logins).toHaveLength(1)
  })

  it('is given a fresh token by XOAUTH2 where the last was refused', async () => {
    const { port, logins, messages } = await submissionServer()
    const asked: boolean[] = []
    const token = ({ refresh }: { refresh: boolean }) => {
      asked.push(refresh)
      return refresh ? 'fresh' : 'stale'
    }
    const { deliver } = smarthost({ servers: [{ host: '127.0.0.1', port }], auth: { user: 'alice', token } })
    expect(await deliver()).toMatchObject([{ status: 'delivered' }])
    expect(asked).toEqual([false, true])
    expect(logins).toEqual([
      { method: 'XOAUTH2', user: 'alice' },
      { method: 'XOAUTH2', user: 'alice' },
    ])
    expect(messages).toEqual(['alice encrypted'])
  })

  it('defers where it lets nobody in, and tells no log the password', async () => {
    const { port } = await submissionServer()
    const heard: string[] = []
    const hear = (fields: object, message: string) => heard.push(JSON.stringify(fields) + message)
    const { deliver } = smarthost({
      servers: [{ host: '127.0.0.1', port, auth: { user: 'alice', password: 'wrong horse' } }],
      logger: { debug: hear, info: hear, warn: hear, error: hear },
    })
    expect(await deliver()).toMatchObject([{ status: 'deferred', scope: 'host', reply: { code: 535 } }])
    const log = heard.join('\n')
    expect(log).toContain('AUTH PLAIN …')
    expect(log).not.toContain('wrong horse')
    expect(log).not.toContain(Buffer.from('\0alice\0wrong horse').toString('base64'))
  })

  it('defers where the token function fails', async () => {
    const { port } = await submissionServer()
    const token = () => Promise.reject(new Error('no network'))
    const { deliver } = smarthost({ servers: [{ host: '127.0.0.1', port }], auth: { user: 'alice', token } })
    expect(await deliver()).toMatchObject([
      { status: 'deferred', reason: expect.stringContaining('no network') },
    ])
  })

  it('has the slot back of an attempt that was ended while its token was awaited', async () => {
    const { port } = await submissionServer()
    const ending = new AbortController()
    const token = () => {
      if (ending.signal.aborted) return 'fresh'
      queueMicrotask(() => ending.abort())
      return new Promise<string>(() => {})
    }
    const servers = [{ host: '127.0.0.1', port, auth: { user: 'alice', token } }]
    const { deliver } = smarthost({ servers, concurrency: 1 })
    expect(await deliver(letter, ending.signal)).toMatchObject([
      { status: 'deferred', reason: 'the attempt was ended' },
    ])
    expect(await deliver()).toMatchObject([{ status: 'delivered' }])
  })

  it.each(['starttls', 'implicit'] as const)('is not trusted with a certificate of nobody, %s', async tls => {
    const { port, messages } = await submissionServer({ secure: tls === 'implicit', authOptional: true })
    const untrusting = smarthost({ servers: [{ host: '127.0.0.1', port, tls }], tlsOptions: {} })
    expect(await untrusting.deliver()).toMatchObject([{ status: 'deferred', enhanced: '4.7.5' }])
    expect(messages).toEqual([])
    const careless = smarthost({ servers: [{ host: '127.0.0.1', port, tls, verify: false }], tlsOptions: {} })
    expect(await careless.deliver()).toMatchObject([{ status: 'delivered' }])
  })
})

const pythonServer = `
import asyncio, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
class Sink:
    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({'user': session.auth_data.login.decode(), 'secure': session.ssl is not None}), flush=True)
        return '250 Kept'
def check(server, session, envelope, mechanism, data):
    print(json.dumps({'mechanism': mechanism}), flush=True)
    fits = isinstance(data, LoginPassword) and data.password == b'open sesame'
    return AuthResult(success=fits, handled=False, auth_data=data)
async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    loop = asyncio.get_running_loop()
    make = lambda: SMTP(Sink(), tls_context=context, require_starttls=True, authenticator=check,
        auth_required=True, loop=loop)
    server = await loop.create_server(make, '127.0.0.1', 0)
    print(json.dumps({'port': server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()
asyncio.run(main())
`

describeWith([aiosmtpd], 'aiosmtpd as a smarthost', () => {
  it.each(['PLAIN', 'LOGIN'] as const)('lets us in by AUTH %s', async mechanism => {
    const child: ChildProcess = spawn(
      '/usr/bin/python3',
      ['-c', pythonServer, testTlsFiles.cert, testTlsFiles.key],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    closing.push(async () => {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    })
    if (!child.stdout) throw new Error('no output')
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const next = async () => JSON.parse(String((await lines.next()).value))
    const { port } = await next()
    const right = smarthost({
      servers: [{ host: '127.0.0.1', port, auth: { user: 'alice', password: 'open sesame', mechanism } }],
    })
    expect(await right.deliver()).toMatchObject([{ status: 'delivered' }])
    expect(await next()).toEqual({ mechanism })
    expect(await next()).toEqual({ user: 'alice', secure: true })
    const wrong = smarthost({
      servers: [{ host: '127.0.0.1', port, auth: { user: 'alice', password: 'guess', mechanism } }],
    })
    expect(await wrong.deliver()).toMatchObject([{ status: 'deferred', reply: { code: 535 } }])
  })
})

describe('createSmarthostTransport', () => {
  const world = (...scripts: Script[]) => worldWith({}, ...scripts)

  async function worldWith(options: Partial<SmarthostTransportOptions>, ...scripts: Script[]) {
    const network = createSimulatedNetwork()
    const clock = createVirtualClock()
    const servers = await Promise.all(
      scripts.map(async (script, index) => {
        const address = `192.0.2.${index + 1}`
        const server = createScriptedServer({ network: network.host(address), clock, script })
        await server.listen({ host: address, port: 587 })
        return Object.assign(server, { address })
      }),
    )
    for (const server of servers) closing.push(() => server.close())
    const inside = network.host('192.0.2.100', '192.0.2.101')
    const { deliver, close } = smarthost({
      servers: servers.map(({ address }) => ({ host: address, port: 587, tls: 'none' as const })),
      network: inside,
      clock,
      localAddress: '192.0.2.101',
      concurrency: 1,
      ...options,
    })
    return { servers, deliver, clock, close }
  }

  it('asks the next server when one cannot be spoken to, and takes an answer about the mail', async () => {
    const { servers, deliver } = await world(
      { greeting: '554 Go away' },
      { MAIL: '421 4.3.2 Shutting down' },
      { RCPT: '550 5.1.1 Nobody' },
      {},
    )
    expect(await deliver()).toMatchObject([{ status: 'failed', scope: 'recipient', host: '192.0.2.3' }])
    expect(servers.map(server => server.connections.length)).toEqual([1, 1, 1, 0])
  })

  it('never asks the next after the final dot', async () => {
    const { servers, deliver } = await world({ dot: peer => peer.drop() }, {})
    expect(await deliver()).toMatchObject([{ status: 'unknown', host: '192.0.2.1' }])
    expect(servers[1]?.connections).toHaveLength(0)
  })

  it('looks up and asks no more than it takes, and waits for a name that is not there', async () => {
    const asked: string[] = []
    const zone = createDnsZone({ 'a.test': { a: ['192.0.2.1', '192.0.2.2'] }, 'b.test': { a: '192.0.2.3' } })
    const resolver = {
      mx: zone.mx.bind(zone),
      txt: zone.txt.bind(zone),
      tlsa: zone.tlsa.bind(zone),
      ptr: zone.ptr.bind(zone),
      close: () => zone.close(),
      addresses(...given: Parameters<typeof zone.addresses>) {
        asked.push(given[0])
        return zone.addresses(...given)
      },
    }
    const named = ['gone.test', 'a.test', 'b.test'].map(host => ({ host, port: 587, tls: 'none' as const }))
    const { servers, deliver } = await worldWith({ resolver, servers: named }, {}, {}, {})
    expect(await deliver()).toMatchObject([{ status: 'delivered', host: 'a.test' }])
    expect(asked).toEqual(['gone.test', 'a.test'])
    expect(servers.map(server => server.connections.length)).toEqual([1, 0, 0])
    const { deliver: inVain } = await worldWith({ resolver, servers: named.slice(0, 1) })
    expect(await inVain()).toMatchObject([{ status: 'deferred', scope: 'host', host: 'gone.test' }])
  })

  it('has a connection that died while it was kept replaced', async () => {
    const { servers, deliver } = await world({ MAIL: { inTurn: ['250 ok', hangUp] } })
    for (let times = 0; times < 2; times++) expect(await deliver()).toMatchObject([{ status: 'delivered' }])
    expect(servers[0]?.connections.map(peer => peer.messages.length)).toEqual([1, 1])
  })

  it('closes its connections with itself, and those that are refused', async () => {
    const { servers, deliver, close } = await world({ greeting: '554 Go away' }, {})
    await deliver()
    await servers[0]?.connections[0]?.closed
    expect(servers[1]?.connections[0]?.commands).not.toContain('QUIT')
    await close()
    await servers[1]?.connections[0]?.closed
    expect(servers.map(server => server.connections[0]?.commands.at(-1))).toEqual(['QUIT', 'QUIT'])
  })

  it('sends no more at once than it may', async () => {
    const { servers, deliver } = await world({})
    await Promise.all([deliver(), deliver(), deliver()])
    expect(servers[0]?.connections).toHaveLength(1)
    expect(servers[0]?.connections[0]?.messages).toHaveLength(3)
  })

  it('speaks from the address it was told to', async () => {
    const { servers, deliver } = await world({})
    await deliver()
    expect(servers[0]?.connections.map(peer => peer.ends.remoteAddress)).toEqual(['192.0.2.101'])
  })

  it('asks the next server when one wants a login that it has not, and defers where all do', async () => {
    for (const extensions of [['PIPELINING'], []]) {
      const wanting = { extensions, MAIL: '530 5.7.0 Authentication required' }
      const { servers, deliver } = await world(wanting, {})
      expect(await deliver()).toMatchObject([{ status: 'delivered', host: '192.0.2.2' }])
      await servers[0]?.connections[0]?.closed
      const { deliver: inVain } = await world(wanting)
      expect(await inVain()).toMatchObject([{ status: 'deferred', scope: 'host', reply: { code: 530 } }])
    }
  })

  it('asks the next server when one does not let it in', async () => {
    const auth = { user: 'alice', password: 'open sesame' }
    const extensions = ['AUTH PLAIN']
    const refusing = { extensions, AUTH: '535 5.7.8 Wrong' }
    const { servers, deliver } = await worldWith({ auth }, refusing, { extensions })
    expect(await deliver()).toMatchObject([{ status: 'delivered', host: '192.0.2.2' }])
    expect(servers.map(server => server.connections[0]?.messages.length)).toEqual([0, 1])
    expect(servers[0]?.connections[0]?.commands.join()).not.toContain('MAIL')
  })

  it.each([
    [
      { user: 'alice', token: 'x'.repeat(500) },
      'XOAUTH2',
      `user=alice\u0001auth=Bearer ${'x'.repeat(500)}\u0001\u0001`,
    ],
    [{ user: 'alice', password: 'x'.repeat(500) }, 'PLAIN', `\0alice\0${'x'.repeat(500)}`],
  ])(
    'says what makes the line too long for AUTH once it is asked (RFC 4954 §4)',
    async (auth, mechanism, said) => {
      const { servers, deliver } = await worldWith({ auth }, { extensions: [`AUTH ${mechanism}`] })
      expect(await deliver()).toMatchObject([{ status: 'delivered' }])
      expect(servers[0]?.connections[0]?.commands[1]).toBe(`AUTH ${mechanism}`)
      expect(servers[0]?.connections[0]?.authAnswers).toEqual([Buffer.from(said).toString('base64')])
    },
  )

  it.each([
    [365, 'AUTH PLAIN '.length + 496],
    [366, 'AUTH PLAIN'.length],
  ])('takes 510 octets, and CRLF, for what fits: a password of %i', async (length, line) => {
    const auth = { user: 'alice', password: 'x'.repeat(length) }
    const { servers, deliver } = await worldWith({ auth }, { extensions: ['AUTH PLAIN'] })
    expect(await deliver()).toMatchObject([{ status: 'delivered' }])
    expect(servers[0]?.connections[0]?.commands[1]).toHaveLength(line)
  })

  /** A server that asks so many questions at each AUTH, notes the answers and lets nobody in. */
  const asking = (mechanism: string, questions: number, answers: string[]): Script => ({
    extensions: [`AUTH ${mechanism}`],
    AUTH: async peer => {
      for (let question = 0; question < questions; question++) answers.push(await peer.ask('334 eyJ9'))
      peer.say(['535 5.7.8 No'])
    },
  })

  it('answers what XOAUTH2 says of a token with nothing, and asks for one more token only', async () => {
    const asked: boolean[] = []
    const token = ({ refresh }: { refresh: boolean }) => {
      asked.push(refresh)
      return 'stale'
    }
    const answers: string[] = []
    const auth = { user: 'alice', token }
    const { servers, deliver } = await worldWith({ auth }, asking('XOAUTH2', 1, answers))
    expect(await deliver()).toMatchObject([{ status: 'deferred', scope: 'host', reply: { code: 535 } }])
    expect([asked, answers]).toEqual([
      [false, true],
      ['', ''],
    ])
    expect(servers[0]?.connections[0]?.messages).toEqual([])
  })

  it.each([
    ['PLAIN', 1],
    ['LOGIN', 3],
  ])('ends what asks for more than there is to say (RFC 4954 §4): %s', async (mechanism, questions) => {
    const answers: string[] = []
    const auth = { user: 'alice', password: 'sesame' }
    const { deliver } = await worldWith({ auth }, asking(mechanism, questions, answers))
    expect(await deliver()).toMatchObject([{ status: 'deferred', scope: 'host', reply: { code: 535 } }])
    expect([answers.length, answers.at(-1)]).toEqual([questions, '*'])
  })

  it('logs in by LOGIN where that is all there is', async () => {
    const auth = { user: 'alice', password: 'sesame' }
    const { servers, deliver } = await worldWith({ auth }, { extensions: ['AUTH LOGIN'] })
    expect(await deliver()).toMatchObject([{ status: 'delivered' }])
    const answers = servers[0]?.connections[0]?.authAnswers ?? []
    expect(answers.map(answer => Buffer.from(answer, 'base64').toString())).toEqual(['alice', 'sesame'])
  })

  it.each(['', 'a\u0001b', 'a\nb', undefined])('takes %j for no token', async token => {
    const auth = { user: 'alice', token: () => token as string }
    const { servers, deliver } = await worldWith({ auth }, { extensions: ['AUTH XOAUTH2'] })
    expect(await deliver()).toMatchObject([
      { status: 'deferred', reason: expect.stringContaining('no token') },
    ])
    expect(servers[0]?.connections[0]?.commands.join()).not.toContain('AUTH')
  })

  it('tells nobody of a handshake that its own end broke off', async () => {
    const network = createSimulatedNetwork()
    const clock = createVirtualClock()
    const server = createScriptedServer({
      network: network.host('192.0.2.1'),
      clock,
      script: { greeting: silence },
    })
    await server.listen({ host: '192.0.2.1', port: 465 })
    closing.push(() => server.close())
    const results: TlsResult[] = []
    const own = network.host('192.0.2.100')
    let connected = () => {}
    const connecting = new Promise<void>(resolve => {
      connected = resolve
    })
    const { deliver } = smarthost({
      servers: [{ host: 'mx.rome.test', tls: 'implicit' }],
      resolver: createDnsZone({ 'mx.rome.test': { a: '192.0.2.1' } }),
      network: { ...own, connect: options => own.connect(options).finally(connected) },
      clock,
      onTls: result => results.push(result),
    })
    const ending = new AbortController()
    const delivering = deliver(letter, ending.signal)
    await connecting
    await clock.settled()
    ending.abort()
    expect(await delivering).toMatchObject([{ status: 'deferred', scope: 'local', enhanced: '4.3.0' }])
    await server.connections[0]?.closed
    expect(results).toEqual([])
  })

  it('keeps REQUIRETLS mail from a server without verified encryption', async () => {
    const { servers, deliver } = await world({})
    const outcomes = await deliver({ ...letter, envelope: { ...letter.envelope, requireTls: true } })
    expect(outcomes).toMatchObject([{ status: 'failed', enhanced: '5.7.10' }])
    expect(servers[0]?.connections).toHaveLength(0)
    const { port, messages } = await submissionServer({ authOptional: true })
    const { deliver: unverified } = smarthost({ servers: [{ host: '127.0.0.1', port, verify: false }] })
    expect(await unverified({ ...letter, envelope: { ...letter.envelope, requireTls: true } })).toMatchObject(
      [{ status: 'failed', enhanced: '5.7.10', reason: expect.stringContaining('verified certificate') }],
    )
    expect(messages).toEqual([])
  })

  it('tells how connections were secured, as of the name of the server', async () => {
    const results: TlsResult[] = []
    const network = createSimulatedNetwork()
    const clock = createVirtualClock()
    const address = '192.0.2.1'
    const server = createScriptedServer({ network: network.host(address), clock, tls: testTls })
    closing.push(() => server.close())
    await server.listen({ host: address, port: 587 })
    const resolver = createDnsZone({ 'mx.rome.test': { a: address }, 'mx.milan.test': { a: address } })
    const onTls = (result: TlsResult) => results.push(result)
    const options = { network: network.host('192.0.2.100'), clock, resolver, onTls }
    const noTls = [
      { host: 'mx.rome.test', port: 587, tls: 'none' },
      { host: 'mx.rome.test', port: 25 },
    ] as const
    for (const one of noTls) {
      await smarthost({ ...options, servers: [one] }).deliver({ ...letter, destination: 'oslo.test' })
    }
    expect(results).toEqual([])
    for (const host of ['mx.rome.test', 'mx.milan.test', address]) {
      await smarthost({ ...options, servers: [{ host }] }).deliver({ ...letter, destination: 'oslo.test' })
    }
    const place = { address, localAddress: '192.0.2.100', policy: { type: 'no-policy-found' } }
    expect(results).toMatchObject([
      { ...place, domain: 'mx.rome.test', host: 'mx.rome.test' },
      { ...place, domain: 'mx.milan.test', problem: { kind: 'certificate-host-mismatch' } },
    ])
    expect(results[0]).not.toHaveProperty('problem')
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no metrics')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('no metrics')
      },
    ],
  ])('delivers, and logs it, where onTls %s', async (_, onTls) => {
    const { port, messages } = await submissionServer({ authOptional: true })
    const errors: object[] = []
    const hear = () => {}
    const logger = { debug: hear, info: hear, warn: hear, error: (fields: object) => errors.push(fields) }
    const servers = [{ host: 'localhost', port }]
    const resolver = createDnsZone({ localhost: { a: '127.0.0.1' } })
    const { deliver } = smarthost({ servers, resolver, onTls, logger })
    expect(await deliver()).toMatchObject([{ status: 'delivered' }])
    expect(messages).toHaveLength(1)
    expect(errors).toEqual([{ domain: 'localhost', error: expect.stringContaining('no metrics') }])
  })

  it('defers where the server offers no login', async () => {
    const network = createSimulatedNetwork()
    const clock = createVirtualClock()
    const server = createScriptedServer({ network: network.host('192.0.2.1'), clock })
    await server.listen({ host: '192.0.2.1', port: 25 })
    closing.push(() => server.close())
    const { deliver } = smarthost({
      servers: [{ host: '192.0.2.1', tls: 'none' }],
      auth: { user: 'alice', password: 'open sesame' },
      network: network.host('192.0.2.100'),
      clock,
    })
    expect(await deliver()).toMatchObject([{ status: 'deferred', reason: expect.stringContaining('AUTH') }])
  })

  it.each([
    [{ servers: [] }, 'servers'],
    [{ servers: [{ host: 'a b' }] }, 'servers.0.host'],
    [{ servers: [{ host: 'a.test', tls: 'maybe' }] }, 'servers.0.tls'],
    [{ servers: [{ host: 'a.test' }], auth: { user: 'a', password: 'x\r\ny' } }, 'auth'],
    [{ servers: [{ host: 'a.test' }], localAddress: 'here' }, 'localAddress'],
  ])('refuses %j', (options, name) => {
    expect(() => createSmarthostTransport({ hostname: 'mx.paris.test', ...options } as never)).toThrowError(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(name) }),
    )
  })

  it('says no password in an error', () => {
    const options = { servers: [{ host: 'a.test', auth: { user: 'a', password: 'very\nsecret' } }] }
    expect(() => createSmarthostTransport({ hostname: 'mx.paris.test', ...options })).toThrowError(
      expect.not.objectContaining({ message: expect.stringContaining('very') }),
    )
  })
})
