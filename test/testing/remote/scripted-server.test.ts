import { once } from 'node:events'
import net from 'node:net'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../../src/core/virtual-clock.js'
import { createScriptedServer } from '../../../src/testing/remote/create-scripted-server.js'
import { createOutsideWorld } from '../../delivery/outside-world.js'
import { testTls } from '../../fixtures/tls.js'
import { Conversation } from '../../smtp-server/conversation.js'

const starttls = { extensions: ['STARTTLS', 'PIPELINING'] }

describe('a rule of a scripted server', () => {
  it('holds so many times, then the next stage of it', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    rome.on.rcpt(/@rome/).times(2).reply(451, '4.7.1 greylisted').then.accept()
    const seen: string[] = []
    for (let time = 0; time < 4; time++) seen.push((await world.deliverOne()).reason)
    expect(seen).toEqual([
      '451 4.7.1 greylisted (in reply to RCPT TO)',
      '451 4.7.1 greylisted (in reply to RCPT TO)',
      '250 2.0.0 Taken',
      '250 2.0.0 Taken',
    ])
    expect(rome.messages).toMatchObject([
      { sender: 'alice@paris.test', recipients: ['bob@rome.test'], at: world.clock.now() },
      { sender: 'alice@paris.test', recipients: ['bob@rome.test'] },
    ])
    expect(rome.messages[0]?.raw.toString()).toBe('Subject: Hello\r\n\r\nHow are you?\r\n')
  })

  it('goes before older ones, and leaves the matter to them when it is used up or taken away', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    rome.on.rcpt().reply(550, '5.1.1 older')
    rome.on.rcpt('BOB@rome.test').times(1).reply(450, '4.2.1 younger')
    const youngest = rome.on.mail(sender => sender.startsWith('alice')).reply(452, '4.3.1 youngest')
    expect((await world.deliverOne()).reason).toContain('youngest')
    youngest[Symbol.dispose]()
    expect((await world.deliverOne()).reason).toContain('younger')
    expect((await world.deliverOne()).reason).toContain('older')
    rome.reset()
    expect((await world.deliverOne()).status).toBe('delivered')
  })

  it('counts apart what it is told to', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    rome.on.rcpt().per('recipient').times(1).reply(450, '4.2.1 new')
    const to = ['a@rome.test', 'b@rome.test']
    expect((await world.deliver({ to })).map(outcome => outcome.status)).toEqual(['deferred', 'deferred'])
    expect((await world.deliver({ to })).map(outcome => outcome.status)).toEqual(['delivered', 'delivered'])
  })

  it('limits the rate with a token bucket, and says goodbye with 421', async () => {
    await using world = await createOutsideWorld({ connections: { idle: 0 } })
    const rome = await world.rome()
    rome.on.mail().per('client').beyond(3, '3m').reply(421, '4.7.28 Too fast')
    const taken = async (count: number) => {
      let delivered = 0
      for (let time = 0; time < count; time++)
        if ((await world.deliverOne()).status === 'delivered') delivered++
      return delivered
    }
    expect(await taken(5)).toBe(3)
    await rome.connections.at(-1)?.closed
    await world.clock.advance('1m')
    expect(await taken(3)).toBe(1)
    await world.clock.advance('1h')
    expect(await taken(5)).toBe(3)
  })

  it('delays, and serves what was pipelined meanwhile in order', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    rome.on.rcpt('a@rome.test').delay('90s').reply(550, '5.1.1 slow')
    const began = world.clock.now()
    const delivering = world.deliver({ to: ['a@rome.test', 'b@rome.test'] })
    await world.clock.advance('2m')
    expect(await delivering).toMatchObject([
      { recipient: 'a@rome.test', status: 'failed' },
      { recipient: 'b@rome.test', status: 'delivered' },
    ])
    expect(rome.messages[0]?.at).toBe(began + 90_000)
  })

  it('waits for a step whose promise is of another realm, as those of Node.js are in Jest', async () => {
    const promiseOf = runInNewContext('work => new Promise(work)')
    await using server = createScriptedServer({
      script: {
        RCPT: peer =>
          promiseOf((done: () => void) =>
            setImmediate(() => {
              peer.say(['250 2.1.5 At last'])
              done()
            }),
          ),
      },
    })
    const client = await Conversation.open((await server.listen()).port)
    await client.expect('220')
    await client.ask('HELO client.test', '250')
    await client.ask('MAIL FROM:<a@b.test>', '250')
    client.write('RCPT TO:<c@d.test>\r\nRSET\r\n')
    await client.expect('250 2.1.5 At last')
    await client.expect('250')
    client.destroy()
  })

  it('speaks a byte at a time in a tarpit', async () => {
    const clock = createVirtualClock()
    await using server = createScriptedServer({ clock })
    server.on.connect().tarpit('10s')
    const { port, address } = await server.listen()
    const socket = net.connect(port, address)
    let heard = ''
    socket.on('data', chunk => {
      heard += chunk
    })
    await once(socket, 'connect')
    while (server.connections.length === 0) await clock.settled()
    for (let octets = 1; octets <= 5; octets++) {
      await clock.advance('10s')
      if (heard.length < octets) await once(socket, 'data')
      expect(heard).toBe('220 s'.slice(0, octets))
    }
    socket.destroy()
    await server.connections[0]?.closed
    expect(clock.nextTimer()).toBeUndefined()
  })

  it('follows a rule by chance as it is drawn', async () => {
    const draws = [0.5, 0.7, 0.1]
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    rome.on
      .rcpt()
      .when(() => (draws.shift() ?? 1) < 0.6)
      .reply(450, '4.2.1 by chance')
    const seen: string[] = []
    for (let time = 0; time < 4; time++) seen.push((await world.deliverOne()).status)
    expect(seen).toEqual(['deferred', 'delivered', 'deferred', 'delivered'])
  })

  it.each([0, 1, 40, 80])('drops after octet %i of what the client says', async octets => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    rome.on.connect().dropAfterReceiving(octets)
    const outcome = await world.deliverOne()
    expect(outcome).toMatchObject({ status: 'deferred', scope: 'host', enhanced: '4.4.2' })
    expect(rome.messages).toEqual([])
  })

  it('drops in the middle of a message', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    rome.on.data().times(1).dropAfterReceiving(10)
    expect(await world.deliverOne()).toMatchObject({ status: expect.stringMatching(/deferred|unknown/) })
    expect(rome.connections[0]?.messages).toEqual([])
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
  })

  it('ends the connection in the middle of a reply', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    rome.on.message().dropAfterSending(5).reply(250, '2.0.0 Taken')
    expect(await world.deliverOne()).toMatchObject({ status: 'unknown' })
    rome.reset()
    rome.on.connect().dropAfterSending(0)
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', enhanced: '4.4.2' })
  })

  it('greylists by client, sender and recipient, on the clock', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    rome.greylist({ wait: '5m', window: '1h', remember: '1d' })
    const status = async (sender = 'alice@paris.test') =>
      (await world.deliverOne({ envelope: { sender } })).status
    expect(await status()).toBe('deferred')
    await world.clock.advance('4m')
    expect(await status()).toBe('deferred')
    await world.clock.advance('1m')
    expect(await status('carol@paris.test')).toBe('deferred')
    expect(await status()).toBe('delivered')
    await world.clock.advance('20h')
    expect(await status()).toBe('delivered')
    expect(await status('carol@paris.test')).toBe('deferred')
    await world.clock.advance('25h')
    expect(await status()).toBe('deferred')
  })
})

describe('faults of TLS', () => {
  it.each([
    ['stripped', 1],
    ['refused', 1],
    ['stalled', 2],
    ['garbage', 2],
    ['dropped', 2],
    ['handshake-failure', 2],
  ] as const)('%s: opportunistic delivery goes without, required defers', async (fault, connections) => {
    await using world = await createOutsideWorld()
    const rome = await world.rome(starttls)
    rome.breakTls(fault)
    const outcome = await world.deliverDuring('5m')
    expect(outcome).toMatchObject({ status: 'delivered' })
    expect(outcome.tls).toBeUndefined()
    expect(rome.connections).toHaveLength(connections)
    rome.breakTls(undefined)
    await world.clock.advance('1m')
    expect((await world.deliverOne()).tls).toMatch(/^TLS/)
    expect(rome.connections.at(-1)?.tls).toMatchObject({ servername: 'mx.rome.test' })
  })
})

describe('createScriptedServer', () => {
  it('listens on a free port of loopback and encrypts from the start when told to', async () => {
    const { connect } = await import('node:tls')
    await using server = createScriptedServer({ tls: testTls, implicitTls: true })
    const { port, address } = await server.listen()
    expect(address).toBe('127.0.0.1')
    const socket = connect({ port, host: address, ca: testTls.cert, servername: 'localhost' })
    const [greeting] = await new Promise<[Buffer]>(resolve =>
      socket.once('data', (...all) => resolve(all as never)),
    )
    expect(greeting.toString()).toBe('220 scripted.test ESMTP\r\n')
    socket.destroy()
    await server.connections[0]?.closed
  })

  it('refuses wrong options', () => {
    expect(() => createScriptedServer({ hostname: 5 } as never)).toThrow(/createScriptedServer: hostname/)
    expect(() => createScriptedServer({ tls: { key: 'x', cert: 'y' } })).toThrow(
      expect.objectContaining({ code: 'CERTIFICATE_UNREADABLE' }),
    )
  })
})
