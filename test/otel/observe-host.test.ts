import tls from 'node:tls'
import { describe, expect, it } from 'vitest'
import { createSmarthostTransport } from '../../src/delivery/create-smarthost-transport.js'
import { createMailStore, type MailServerOptions, memoryStorage, type Policy } from '../../src/index.js'
import { bytesSource } from '../../src/message/sources.js'
import { observe } from '../../src/otel/index.js'
import { testTls } from '../fixtures/tls.js'
import { createMailWorld } from '../flow/mail-world.js'
import { Dialogue } from '../pop3/dialogue.js'
import { createSdk } from './sdk.js'

interface WatchOptions {
  addresses?: boolean
  server?: Partial<MailServerOptions>
}

/** Paris, watched, and Rome, which knows Bob and nobody else. */
async function watchedParis({ server = {}, ...options }: WatchOptions = {}) {
  const sdk = createSdk()
  const world = createMailWorld()
  const paris = await world.host('paris.test', { users: ['alice'], server })
  await world.host('rome.test', { users: ['bob'] })
  const stop = await observe({ ...paris, ...sdk.options, ...options })
  const network = world.network.host(world.newAddress())

  /** A client that hands in a letter of Alice's. */
  async function submit(password: string, ...to: string[]) {
    const client = createSmarthostTransport({
      ...{ hostname: 'client.paris.test', network, clock: world.clock, resolver: world.zone },
      servers: [{ host: 'mx.paris.test', port: 25 }],
      auth: { user: 'alice', password },
      tlsOptions: { ca: testTls.cert },
    })
    const delivery = {
      ...{ traceId: 'client', destination: 'paris.test', attempt: 1 },
      envelope: { sender: 'alice@paris.test' },
      recipients: to.map(address => ({ address })),
      message: bytesSource('From: alice@paris.test\r\nSubject: Hello\r\n\r\nHow are you?\r\n'),
    }
    const delivering = client.deliver(delivery, AbortSignal.timeout(15_000))
    // A login that fails is answered later.
    await world.clock.advance('10s')
    await delivering
    await client.close()
    await world.clock.settled()
  }

  return {
    ...{ sdk, world, paris, network, submit },
    async [Symbol.asyncDispose]() {
      stop()
      await world[Symbol.asyncDispose]()
      await sdk.close()
    },
  }
}

const smtp = { 'posthorn.smtp.kind': 'smtp' }

describe('a whole host', () => {
  it('has one span for a message it takes, which those of the attempts belong to', async () => {
    await using host = await watchedParis()
    await host.submit('alice-password', 'bob@rome.test', 'eve@rome.test')
    const spans = host.sdk.spans()
    const [received, ...attempts] = spans.filter(span => span.attributes['posthorn.recipients'] !== 0)
    expect(received).toMatchObject({ name: 'posthorn.receive', attributes: { 'posthorn.reply.code': 250 } })
    expect(received?.parentSpanContext).toBeUndefined()
    const deliveries = attempts.filter(span => span.name === 'posthorn.delivery')
    expect(deliveries.map(span => span.attributes['posthorn.status']).toSorted()).toEqual([
      'delivered',
      'failed',
    ])
    for (const span of deliveries) {
      expect(span.parentSpanContext).toEqual(received?.spanContext())
      expect(span.attributes['posthorn.trace_id']).toBe(received?.attributes['posthorn.trace_id'])
      expect(span.attributes).toMatchObject({
        'server.address': 'mx.rome.test',
        'posthorn.tls.rule': 'opportunistic',
        'tls.protocol.version': '1.3',
      })
    }
  })

  it('has news of mail that is kept here in the trace of that mail', async () => {
    await using host = await watchedParis()
    const client = createSmarthostTransport({
      ...{ hostname: 'client.rome.test', network: host.network, clock: host.world.clock },
      ...{ resolver: host.world.zone, servers: [{ host: 'mx.paris.test', port: 25 }] },
      tlsOptions: { ca: testTls.cert },
    })
    const delivery = {
      ...{ traceId: 'client', destination: 'paris.test', attempt: 1 },
      envelope: { sender: 'bob@rome.test' },
      recipients: [{ address: 'alice@paris.test', notify: ['success'] as const }],
      message: bytesSource('From: bob@rome.test\r\nSubject: Hello\r\n\r\nHow are you?\r\n'),
    }
    await client.deliver(delivery, AbortSignal.timeout(15_000))
    await host.world.clock.settled()
    await client.close()
    const spans = host.sdk.spans().map(span => [span.name, span.attributes['posthorn.destination']])
    expect(spans).toContainEqual(['posthorn.delivery', 'rome.test'])
    expect(new Set(host.sdk.spans().map(span => span.spanContext().traceId)).size).toBe(1)
  })

  it('names nobody, unless it is told to', async () => {
    for (const addresses of [false, true]) {
      await using host = await watchedParis({ addresses })
      await host.submit('alice-password', 'bob@rome.test', 'eve@rome.test')
      const told = JSON.stringify(host.sdk.spans().map(({ attributes, status }) => ({ attributes, status })))
      for (const name of ['alice', 'bob', 'eve', '192.0.2.3'])
        expect(told.includes(name), name).toBe(addresses)
      expect(JSON.stringify(await host.sdk.collect())).not.toMatch(/alice|bob|eve|192\.0\.2/)
    }
  })

  it('counts what SMTP does', async () => {
    await using host = await watchedParis()
    await host.submit('alice-password', 'bob@rome.test', 'nobody@paris.test')
    await host.submit('wrong', 'bob@rome.test')
    const points = await host.sdk.points()
    expect(points('posthorn.smtp.sessions')).toEqual([[smtp, 0]])
    expect(points('posthorn.smtp.sessions.secured')).toEqual([
      [{ ...smtp, 'tls.protocol.version': '1.3' }, 2],
    ])
    expect(points('posthorn.smtp.logins')).toEqual([
      [{ ...smtp, 'posthorn.outcome': 'accepted' }, 1],
      [{ ...smtp, 'posthorn.outcome': 'refused' }, 1],
    ])
    expect(points('posthorn.smtp.recipients.rejected')).toEqual([
      [{ ...smtp, 'posthorn.reply.code': 550 }, 1],
    ])
    expect(points('posthorn.smtp.messages')).toEqual([[{ ...smtp, 'posthorn.reply.code': 250 }, 1]])
    expect(points('posthorn.smtp.message.duration')).toMatchObject([
      [{ ...smtp, 'posthorn.reply.code': 250 }, { count: 1 }],
    ])
    const boundaries: unknown = expect.arrayContaining([1_024, 1_048_576])
    expect(points('posthorn.smtp.message.size')).toMatchObject([
      [smtp, { count: 1, buckets: { boundaries } }],
    ])
    expect(points('posthorn.delivery.tls')).toEqual([
      [
        {
          'posthorn.tls.rule': 'opportunistic',
          'posthorn.tls.verified': 'none',
          'tls.protocol.version': '1.3',
        },
        1,
      ],
    ])
  })

  it('counts no session for a client that was turned away before its greeting', async () => {
    const closed: Policy = { name: 'closed', connect: () => ({ action: 'reject' }) }
    await using host = await watchedParis({ server: { policies: [closed] } })
    await host.submit('alice-password', 'bob@rome.test')
    const points = await host.sdk.points()
    expect(points('posthorn.smtp.sessions.refused')).toEqual([[{ ...smtp, 'posthorn.reason': 'policy' }, 1]])
    expect(points('posthorn.smtp.sessions')).toEqual([])
    expect(points('posthorn.smtp.session.duration')).toEqual([])
  })

  it('counts sessions that opened while it watched, and none that goes on after', async () => {
    await using host = await watchedParis()
    await host.paris.listen({ pop3: { port: 110 } })
    const connect = async (port: number) =>
      new Dialogue(await host.network.connect({ host: host.paris.address, port }))
    const before = [await connect(110), await connect(25)]
    await host.world.clock.settled()
    const sdk = createSdk()
    const stop = await observe({ ...host.paris, ...sdk.options })
    for (const one of before) {
      one.send('QUIT')
      await one.end()
    }
    await host.world.clock.settled()
    const after = [await connect(110), await connect(25)]
    await host.world.clock.settled()
    const open = await sdk.points()
    expect(open('posthorn.pop3.sessions')).toEqual([[{}, 1]])
    expect(open('posthorn.smtp.sessions')).toEqual([[smtp, 1]])
    stop()
    const ended = await sdk.points()
    expect(ended('posthorn.pop3.sessions')).toEqual([[{}, 0]])
    expect(ended('posthorn.smtp.sessions')).toEqual([[smtp, 0]])
    for (const one of after) {
      one.send('QUIT')
      await one.end()
    }
    await sdk.close()
  })

  it('counts what POP3 does', async () => {
    await using host = await watchedParis()
    await host.submit('alice-password', 'alice@paris.test')
    await host.paris.listen({ pop3s: { port: 995 } })
    const connect = async () => {
      const socket = await host.network.connect({ host: host.paris.address, port: 995 })
      const secure = tls.connect({ socket, ca: testTls.cert, servername: 'mx.paris.test' })
      return new Dialogue(secure)
    }
    const alice = await connect()
    alice.send('USER alice', 'PASS alice-password', 'RETR 1', 'TOP 1 0', 'DELE 1', 'QUIT')
    await alice.end()
    const mallory = await connect()
    mallory.send('USER alice', 'PASS wrong', 'QUIT')
    const refused = mallory.end()
    await host.world.clock.advance('10s')
    await refused
    const points = await host.sdk.points()
    expect(points('posthorn.pop3.sessions')).toEqual([[{}, 0]])
    expect(points('posthorn.pop3.sessions.ended')).toEqual([[{ 'posthorn.reason': 'quit' }, 2]])
    expect(points('posthorn.pop3.logins')).toEqual([
      [{ 'posthorn.outcome': 'accepted' }, 1],
      [{ 'posthorn.outcome': 'credentials' }, 1],
    ])
    expect(points('posthorn.pop3.messages.retrieved')).toEqual([
      [{ 'posthorn.part': 'whole' }, 1],
      [{ 'posthorn.part': 'top' }, 1],
    ])
    expect(points('posthorn.pop3.messages.deleted')).toEqual([[{}, 1]])
  })
})

it('counts what retention removes', async () => {
  const sdk = createSdk()
  await using store = createMailStore({ storage: memoryStorage(), retention: [{ maxMessages: 1 }] })
  const stop = await observe({ store, ...sdk.options })
  for (const body of ['one', 'two', 'three']) await store.append('alice', `\r\n${body}`)
  await store.applyRetention()
  const points = await sdk.points()
  expect(points('posthorn.store.retention.messages')).toEqual([[{}, 2]])
  expect(points('posthorn.store.retention.bytes')).toMatchObject([[{}, expect.any(Number)]])
  stop()
  await sdk.close()
})
