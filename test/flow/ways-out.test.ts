import { describe, expect, it } from 'vitest'
import {
  createDeliveryQueue,
  createLmtpTransport,
  createMxTransport,
  createRoutedTransport,
  createSmarthostTransport,
  createSuppressionList,
  type DeliveryQueueOptions,
  type SmarthostTransportOptions,
} from '../../src/index.js'
import { createTestInternet, type Place, type TestInternet } from '../../src/testing/index.js'

const subjects = (messages: readonly { subject?: string }[]) => messages.map(({ subject }) => subject)

/** What transports at a place are made with. */
function around({ hostname, network, clock, resolver }: Place) {
  return { hostname, network, clock, resolver }
}

/** A queue of an app at a place of its own. */
async function appQueue(place: Place, transport: NonNullable<DeliveryQueueOptions['transport']>) {
  const queue = createDeliveryQueue({ ...around(place), transport, random: () => 0.5 })
  await queue.start()
  return queue
}

describe('by a smarthost with a login', () => {
  /** An app that sends by a provider, which delivers to `rome.test`. */
  async function provided(internet: TestInternet, options: Partial<SmarthostTransportOptions>) {
    await internet.server('provider.test', { users: ['shop'] })
    const rome = await internet.server('rome.test', { users: ['bob'] })
    const place = internet.attach('app.shop.test')
    const transport = createSmarthostTransport({
      ...around(place),
      servers: [{ host: 'mx.provider.test' }],
      auth: { user: 'shop', password: 'shop-password' },
      tlsOptions: { ca: internet.ca },
      ...options,
    })
    const queue = await appQueue(place, transport)
    await queue.send({ from: 'shop@provider.test', to: 'bob@rome.test', subject: 'Your order' })
    return { queue, rome, [Symbol.asyncDispose]: () => queue.close({ grace: 0 }) }
  }

  it('a letter travels on in the name of who logged in', async () => {
    await using internet = createTestInternet({ seed: 1 })
    await using app = await provided(internet, {})
    await internet.clock.settled()
    const [letter] = await app.rome.inbox('bob')
    expect(letter?.subject).toBe('Your order')
    const trail = letter?.headers.filter(({ name }) => name.toLowerCase() === 'received')
    expect(trail?.map(({ value }) => /with (\w+)/.exec(value)?.[1])).toEqual(['ESMTPS', 'ESMTPSA'])
  })

  it('the second is asked when the first is down or lets nobody in', async () => {
    await using internet = createTestInternet({ seed: 1 })
    const closed = internet.host('mx2.provider.test', { mxFor: [], extensions: ['STARTTLS', 'AUTH PLAIN'] })
    closed.on.auth().reply(535, '5.7.8 Wrong')
    await closed.listen({ host: closed.address, port: 587 })
    internet.attach('mx3.provider.test')
    const hosts = ['mx3.provider.test', 'mx2.provider.test', 'mx.provider.test']
    await using app = await provided(internet, { servers: hosts.map(host => ({ host })) })
    await internet.clock.settled()
    expect(subjects(await app.rome.inbox('bob'))).toEqual(['Your order'])
    expect(closed.connections).toHaveLength(1)
    expect(closed.messages).toHaveLength(0)
  })

  it('a wrong password only delays', async () => {
    await using internet = createTestInternet({ seed: 1 })
    const servers = [{ host: 'mx.provider.test', auth: { user: 'shop', password: 'outdated' } }]
    await using app = await provided(internet, { servers })
    await internet.clock.advance('1h')
    const [waiting] = await app.queue.list()
    expect(waiting?.state).toBe('waiting')
    expect(waiting?.history.map(({ status, reply }) => [status, reply?.code])).toEqual(
      Array(waiting?.attempts).fill(['deferred', 535]),
    )
    expect(waiting?.attempts).toBeGreaterThan(1)
  })
})

describe('by a route function, each recipient its way', () => {
  it('over LMTP into a mailbox, which is told of as delivered, and by MX', async () => {
    await using internet = createTestInternet({ seed: 1 })
    const paris = await internet.server('paris.test', { users: ['alice'] })
    const store = await internet.server('rome.test', {
      users: ['bob'],
      listen: { lmtp: { port: 24, host: '0.0.0.0' } },
    })
    const oslo = internet.host('mx.oslo.test')
    const place = internet.attach('gate.paris.test')
    const mailboxes = createLmtpTransport({ ...around(place), host: 'mx.rome.test' })
    const world = createMxTransport(around(place))
    const queue = await appQueue(
      place,
      createRoutedTransport({
        transports: { mailboxes, world },
        otherwise: 'world',
        route: ({ domain }) => (domain === 'rome.test' ? 'mailboxes' : undefined),
      }),
    )
    const notify = ['success'] as const
    const recipients = ['bob@rome.test', 'carol@rome.test', 'dora@oslo.test'].map(address => ({
      address,
      notify: [...notify, 'failure' as const],
    }))
    await queue.send({
      raw: 'Subject: To all\r\n\r\nHello\r\n',
      envelope: { sender: 'alice@paris.test', recipients },
    })
    await internet.clock.settled()
    expect(subjects(await store.inbox('bob'))).toEqual(['To all'])
    expect(oslo.messages).toHaveLength(1)
    expect(subjects(await paris.inbox('alice')).toSorted()).toEqual([
      expect.stringContaining('could not be delivered'),
      expect.stringContaining('was delivered'),
      expect.stringContaining('was passed on'),
    ])
    await queue.close({ grace: 0 })
  })
})

describe('by the queue of a server', () => {
  it('mail to an address that does not exist goes out once, and then comes back from here', async () => {
    await using internet = createTestInternet({ seed: 1 })
    const suppression = { list: createSuppressionList(), addHardBounces: true }
    const paris = await internet.server('paris.test', {
      users: ['alice'],
      server: { queue: { suppression } },
    })
    const rome = internet.host('mx.rome.test')
    rome.on.rcpt().when('nobody@rome.test').reply(550, '5.1.1 No such user')
    for (const to of ['nobody@rome.test', 'nobody@rome.test', 'bob@rome.test']) {
      await paris.queue.send({ from: 'alice@paris.test', to, text: 'Hello' })
      await internet.clock.advance('1m')
    }
    const commands = rome.connections.flatMap(peer => peer.commands).filter(line => line.startsWith('RCPT'))
    expect(commands).toEqual(['RCPT TO:<nobody@rome.test>', 'RCPT TO:<bob@rome.test>'])
    expect(await paris.inbox('alice')).toHaveLength(2)
  })

  it('mail that is held waits for the operator, whatever the time', async () => {
    await using internet = createTestInternet({ seed: 1 })
    const hold = [{ recipient: 'rome.test' }]
    const paris = await internet.server('paris.test', { users: ['alice'], server: { queue: { hold } } })
    const rome = internet.host('mx.rome.test')
    const { entries } = await paris.queue.send({ from: 'alice@paris.test', to: 'bob@rome.test', text: 'Hi' })
    await internet.clock.advance('72h')
    expect([rome.connections.length, (await paris.inbox('alice')).length]).toEqual([0, 0])
    await paris.queue.release(entries)
    await internet.clock.settled()
    expect(rome.messages).toHaveLength(1)
  })

  it('says the name in EHLO that it is told to, and knows itself by either name and by its addresses', async () => {
    await using internet = createTestInternet({ seed: 1 })
    const queue = { delivery: { hostname: 'Out.paris.test' }, tlsReports: true }
    const paris = await internet.server('paris.test', { users: ['alice'], server: { queue } })
    const rome = internet.host('mx.rome.test')
    internet.dns.set('out.paris.test', { a: '192.0.2.250' })
    internet.dns.set('mx.paris.test', { a: '192.0.2.251' })
    internet.dns.set('alias.oslo.test', { a: paris.address })
    const loops = { 'a.test': 'mx.paris.test', 'b.test': 'out.paris.test', 'c.test': 'alias.oslo.test' }
    for (const [domain, exchange] of Object.entries(loops)) {
      internet.dns.set(domain, { mx: `10 ${exchange}` })
      await paris.queue.send({ from: 'alice@paris.test', to: `bob@${domain}`, text: 'Hello' })
    }
    await paris.queue.send({ from: 'alice@paris.test', to: 'bob@rome.test', text: 'Hello' })
    await internet.clock.settled()
    expect(rome.connections[0]?.commands[0]).toBe('EHLO out.paris.test')
    const told = (await paris.inbox('alice')).map(({ text = '' }) => text)
    expect(told.map(text => text.includes('The message went in a circle.'))).toEqual([true, true, true])
  })
})
