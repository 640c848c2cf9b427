import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { MailError } from '../../src/core/error.js'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import {
  createFunctionTransport,
  type FunctionTransportOptions,
} from '../../src/delivery/create-function-transport.js'
import { createLmtpTransport } from '../../src/delivery/create-lmtp-transport.js'
import { createRoutedTransport } from '../../src/delivery/create-routed-transport.js'
import { createSmarthostTransport } from '../../src/delivery/create-smarthost-transport.js'
import {
  createWebhookTransport,
  type WebhookTransportOptions,
} from '../../src/delivery/create-webhook-transport.js'
import type { Delivery, Transport } from '../../src/delivery/transport.js'
import { verifyWebhook } from '../../src/delivery/webhook-signature.js'
import { bytesSource } from '../../src/message/sources.js'

const raw = 'Subject: Hello\r\n\r\n\u00fc\r\n'
const letter: Delivery = {
  traceId: 'trace',
  destination: 'rome.test',
  envelope: { sender: 'alice@paris.test' },
  recipients: [{ address: 'bob@rome.test' }, { address: 'carol@rome.test' }],
  message: bytesSource(raw),
  attempt: 2,
}
const secret = `whsec_${Buffer.from('0123456789abcdef').toString('base64')}`
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const deliver = (transport: Transport, delivery = letter) =>
  transport.deliver(delivery, new AbortController().signal)

describe('createFunctionTransport', () => {
  const by = (handler: FunctionTransportOptions['deliver'], options = {}) =>
    createFunctionTransport({ deliver: handler, ...options })

  it('has delivered to all once the function returns, but for those it names', async () => {
    const seen: string[] = []
    const transport = by(async ({ envelope, recipients, message }) => {
      const chunks = []
      for await (const chunk of message.open()) chunks.push(chunk)
      seen.push(`${envelope.sender} ${recipients.length} ${Buffer.concat(chunks).length}`)
    })
    expect(await deliver(transport)).toMatchObject([
      { status: 'delivered', final: true },
      { status: 'delivered', final: true },
    ])
    expect(seen).toEqual([`alice@paris.test 2 ${Buffer.byteLength(raw)}`])
    const picky = by(() => [{ recipient: 'carol@rome.test', status: 'failed', reason: 'nobody\r\nhere' }])
    expect(await deliver(picky)).toMatchObject([
      { recipient: 'bob@rome.test', status: 'delivered' },
      { recipient: 'carol@rome.test', status: 'failed', reason: expect.not.stringContaining('\n') },
    ])
  })

  it('defers when the function throws, fails when it throws a 5xx reply', async () => {
    const broken = by(() => {
      throw new Error('a mistake')
    })
    expect(await deliver(broken)).toMatchObject([{ status: 'deferred', scope: 'local' }, {}])
    const reply = { code: 550, enhanced: '5.7.1', text: 'Not wanted' }
    const refusing = by(() => Promise.reject(new MailError('RELAY_DENIED', 'no', { reply })))
    expect(await deliver(refusing)).toMatchObject([{ status: 'failed', reply }, {}])
  })

  it('defers when the answer is none', async () => {
    for (const answer of [true, [{ recipient: 'bob@rome.test', status: 'maybe' }], null]) {
      expect(await deliver(by(() => answer as never))).toMatchObject([{ status: 'deferred' }, {}])
    }
  })

  it('defers when the answer names somebody it was not asked about, who might be one of them', async () => {
    const strange = by(() => [{ recipient: 'Carol@rome.test', status: 'failed' }])
    const reason = expect.stringContaining('not asked about')
    expect(await deliver(strange)).toMatchObject([
      { recipient: 'bob@rome.test', status: 'deferred', scope: 'local', reason },
      { recipient: 'carol@rome.test', status: 'deferred', scope: 'local', reason },
    ])
  })

  it('defers what a 4xx reply is thrown for', async () => {
    const reply = { code: 450, enhanced: '4.2.1', text: 'Later' }
    const busy = by(() => Promise.reject(new MailError('RELAY_DENIED', 'busy', { reply })))
    expect(await deliver(busy)).toMatchObject([{ status: 'deferred', scope: 'local' }, {}])
  })

  it('gives a slot to the next that still waits for it', async () => {
    const releases: (() => void)[] = []
    const slow = by(() => new Promise<void>(resolve => releases.push(resolve)), { concurrency: 1 })
    const ending = new AbortController()
    const first = deliver(slow)
    const ended = slow.deliver(letter, ending.signal).catch((error: MailError) => error.code)
    const third = deliver(slow)
    ending.abort()
    expect(await ended).toBe('ABORTED')
    for (const delivering of [first, third, deliver(slow)]) {
      await new Promise(setImmediate)
      expect(releases).toHaveLength(1)
      releases.pop()?.()
      expect(await delivering).toMatchObject([{ status: 'delivered' }, {}])
    }
  })

  it('waits no longer than it may, and tells the function so', async () => {
    const clock = createVirtualClock()
    let aborted = false
    const endless = by(
      (_, signal) => {
        signal.addEventListener('abort', () => {
          aborted = true
        })
        return new Promise<void>(() => {})
      },
      { clock, timeout: '10s' },
    )
    const delivering = deliver(endless)
    await clock.advance('11s')
    expect(await delivering).toMatchObject([{ status: 'deferred' }, {}])
    expect(aborted).toBe(true)
  })
})

describe('createRoutedTransport', () => {
  const recording = (log: string[], name: string) =>
    createFunctionTransport({
      deliver({ recipients }) {
        log.push(`${name}: ${recipients.map(({ address }) => address).join(' ')}`)
      },
    })

  it('sends each recipient its way, those of one way together', async () => {
    const log: string[] = []
    const transport = createRoutedTransport({
      transports: { desk: recording(log, 'desk'), world: recording(log, 'world') },
      route: ({ recipient, domain, sender, attempt }) => {
        expect([domain, sender, attempt]).toEqual(['rome.test', 'alice@paris.test', 2])
        return recipient.startsWith('desk') ? 'desk' : 'world'
      },
    })
    const recipients = ['a', 'desk', 'b'].map(name => ({ address: `${name}@rome.test` }))
    const outcomes = await deliver(transport, { ...letter, recipients })
    expect(outcomes.map(({ status }) => status)).toEqual(['delivered', 'delivered', 'delivered'])
    expect(log.toSorted()).toEqual(['desk: desk@rome.test', 'world: a@rome.test b@rome.test'])
  })

  it('takes the usual way where none is named, and has the sites of that', async () => {
    const log: string[] = []
    const world = { ...recording(log, 'world'), site: async (domain: string) => `mx of ${domain}` }
    const transports = { desk: recording(log, 'desk'), world }
    const route = ({ recipient }: { recipient: string }) =>
      recipient.startsWith('desk') ? ('desk' as const) : undefined
    const transport = createRoutedTransport({ transports, otherwise: 'world', route })
    const recipients = ['a', 'desk'].map(name => ({ address: `${name}@rome.test` }))
    await deliver(transport, { ...letter, recipients })
    expect(log.toSorted()).toEqual(['desk: desk@rome.test', 'world: a@rome.test'])
    expect(await transport.site?.('rome.test', new AbortController().signal)).toBe('world: mx of rome.test')
    expect(createRoutedTransport({ transports, route }).site).toBeUndefined()
    expect(() => createRoutedTransport({ transports, route, otherwise: 'toString' as 'desk' })).toThrowError(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining('otherwise') }),
    )
  })

  it('keeps recipients in their order, however long the function thinks', async () => {
    const log: string[] = []
    let release = () => {}
    const second = new Promise<void>(resolve => {
      release = resolve
    })
    const transport = createRoutedTransport({
      transports: { world: recording(log, 'world') },
      route: async ({ recipient }): Promise<'world'> => {
        if (recipient.startsWith('a')) await second
        else setImmediate(release)
        return 'world'
      },
    })
    const recipients = ['a', 'b'].map(name => ({ address: `${name}@rome.test` }))
    await deliver(transport, { ...letter, recipients })
    expect(log).toEqual(['world: a@rome.test b@rome.test'])
  })

  it('closes each of its ways once', async () => {
    let closed = 0
    const way: Transport = { deliver: async () => [], close: async () => void closed++ }
    await createRoutedTransport({ transports: { a: way, b: way }, route: () => 'a' }).close()
    expect(closed).toBe(1)
  })

  it('ends with its signal, whether the function answers or not', async () => {
    const transport = createRoutedTransport({
      transports: { world: recording([], 'world') },
      route: () => new Promise(() => {}),
    })
    const ending = new AbortController()
    const delivering = transport.deliver(letter, ending.signal)
    ending.abort()
    expect(await delivering).toMatchObject([
      { recipient: 'bob@rome.test', status: 'deferred', scope: 'local' },
      { recipient: 'carol@rome.test', status: 'deferred', scope: 'local' },
    ])
  })

  it('defers who has no way, and whose way breaks, and nobody else', async () => {
    const broken: Transport = { deliver: () => Promise.reject(new Error('broken')), close: async () => {} }
    const transport = createRoutedTransport<string>({
      transports: { good: recording([], 'good'), broken },
      route: ({ recipient }) => {
        if (recipient.startsWith('x')) throw new Error('no idea')
        return recipient.split('@')[0] ?? ''
      },
    })
    const recipients = ['x', 'good', 'broken', '__proto__'].map(name => ({ address: `${name}@rome.test` }))
    const outcomes = await deliver(transport, { ...letter, recipients })
    expect(new Map(outcomes.map(one => [one.recipient.split('@')[0], one.status]))).toEqual(
      new Map([
        ['x', 'deferred'],
        ['good', 'delivered'],
        ['broken', 'deferred'],
        ['__proto__', 'deferred'],
      ]),
    )
  })
})

describe('createWebhookTransport', () => {
  async function receiver(status: number, headers: Record<string, string> = {}, answer = '') {
    const requests: { headers: Record<string, string | string[] | undefined>; body: string }[] = []
    const server = createServer(async (request, response) => {
      const chunks = []
      for await (const chunk of request) chunks.push(chunk)
      requests.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
      response.writeHead(status, headers).end(answer)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => {
      server.closeAllConnections()
      server.close()
    })
    return { requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in` }
  }

  const post = (url: string, options: Partial<WebhookTransportOptions> = {}, delivery = letter) =>
    deliver(createWebhookTransport({ url, secret, ...options }), delivery)

  it('posts the message, signed so that the receiver can tell', async () => {
    const { requests, url } = await receiver(204)
    expect(await post(url, { headers: { authorization: 'Bearer x' } })).toMatchObject([
      { recipient: 'bob@rome.test', status: 'delivered', final: true },
      { recipient: 'carol@rome.test', status: 'delivered', final: true },
    ])
    const [request] = requests
    if (!request) throw new Error('no request')
    const body = JSON.parse(request.body)
    expect(body).toMatchObject({
      traceId: 'trace',
      attempt: 2,
      sender: 'alice@paris.test',
      recipients: ['bob@rome.test', 'carol@rome.test'],
    })
    expect(Buffer.from(body.message, 'base64').toString()).toBe(raw)
    expect(request.headers['authorization']).toBe('Bearer x')
    const check = (changes: Partial<Parameters<typeof verifyWebhook>[0]> = {}) =>
      verifyWebhook({ secret, now: Date.now(), ...request, ...changes })
    expect(check()).toBe(true)
    expect(check({ secret: ['another secret of some length', secret] })).toBe(true)
    expect(check({ secret: 'another secret of some length' })).toBe(false)
    expect(check({ body: `${request.body} ` })).toBe(false)
    expect(check({ now: Date.now() + 400_000 })).toBe(false)
    expect(check({ headers: {} })).toBe(false)
  })

  it('posts no REQUIRETLS message in the clear', async () => {
    const { requests, url } = await receiver(204)
    const secretLetter = { ...letter, envelope: { ...letter.envelope, requireTls: true } }
    expect(await post(url, {}, secretLetter)).toMatchObject([
      { status: 'failed', enhanced: '5.7.10', host: new URL(url).host },
      {},
    ])
    expect(requests).toHaveLength(0)
    const fetch = async () => new Response(null, { status: 204 })
    expect(await post('https://app.test/in', { fetch }, secretLetter)).toMatchObject([
      { status: 'delivered' },
      {},
    ])
  })

  it('posts no message that was cut short', async () => {
    const { requests, url } = await receiver(204)
    const message = { size: 10, open: () => bytesSource('Subject').open() }
    expect(await post(url, {}, { ...letter, message })).toMatchObject([
      { status: 'deferred', scope: 'local' },
      {},
    ])
    expect(requests).toEqual([])
  })

  it('names the same message alike in every attempt', async () => {
    const { requests, url } = await receiver(503)
    await post(url)
    await post(url, {}, { ...letter, attempt: 3 })
    await post(url, {}, { ...letter, recipients: [{ address: 'dora@rome.test' }] })
    const ids = requests.map(({ headers }) => headers['webhook-id'])
    expect(ids[0]).toBe(ids[1])
    expect(ids[0]).not.toBe(ids[2])
  })

  it.each([
    [200, 'delivered'],
    [301, 'deferred'],
    [400, 'failed'],
    [401, 'deferred'],
    [404, 'deferred'],
    [410, 'failed'],
    [429, 'deferred'],
    [500, 'deferred'],
  ])('takes status %i for %s', async (status, outcome) => {
    const { url } = await receiver(status, { location: 'http://127.0.0.1:1/' }, 'because\r\nof that')
    const [first] = await post(url)
    expect(first).toMatchObject({ status: outcome, reason: expect.stringContaining(`HTTP ${status}`) })
    expect(first?.reason).not.toMatch(/[\r\n]/)
  })

  it('passes on how long the service wants to be left alone', async () => {
    const { url } = await receiver(503, { 'retry-after': '120' })
    expect(await post(url)).toMatchObject([{ status: 'deferred', retryAfter: 120_000 }, {}])
    const late = new Date(Date.now() + 3_600_000).toUTCString()
    const { url: other } = await receiver(429, { 'retry-after': late })
    const [outcome] = await post(other)
    expect(outcome?.retryAfter).toBeGreaterThan(3_500_000)
    for (const useless of ['soon', '0', 'Thu, 01 Jan 1970 00:00:00 GMT']) {
      const { url: third } = await receiver(503, { 'retry-after': useless })
      expect((await post(third))[0]).not.toHaveProperty('retryAfter')
    }
    const { url: long } = await receiver(503, { 'retry-after': '999999' })
    expect(await post(long)).toMatchObject([{ retryAfter: 24 * 3_600_000 }, {}])
  })

  it('reads no more of an endless answer than it keeps', async () => {
    let pulled = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++
        controller.enqueue(new Uint8Array(1_000).fill(120))
      },
    })
    const fetch = async () => new Response(endless, { status: 500 })
    const [outcome] = await post('https://hook.test/', { fetch })
    expect(outcome?.reason.length).toBeLessThan(1_100)
    expect(pulled).toBeLessThan(5)
  })

  /** An answer of `ok`, whose rest is up to the test. */
  const unfinished = (status: number) => {
    const told = { cancelled: false, controller: undefined as ReadableStreamDefaultController | undefined }
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        told.controller = controller
        controller.enqueue(Buffer.from('ok'))
      },
      cancel() {
        told.cancelled = true
      },
    })
    return { told, fetch: async () => new Response(body, { status }) }
  }

  it('has delivered with the status, and reads the body for the sake of the connection, but not for ever', async () => {
    const clock = createVirtualClock()
    const delivered = [{ status: 'delivered', reason: 'HTTP 200' }, {}]
    const stalling = unfinished(200)
    expect(await post('https://hook.test/', { fetch: stalling.fetch, clock })).toMatchObject(delivered)
    expect(stalling.told.cancelled).toBe(false)
    await clock.advance('5s')
    expect(stalling.told.cancelled).toBe(true)
    const late = unfinished(200)
    expect(await post('https://hook.test/', { fetch: late.fetch, clock })).toMatchObject(delivered)
    late.told.controller?.close()
    await clock.settled()
    expect([late.told.cancelled, clock.nextTimer()]).toEqual([false, undefined])
    const broken = unfinished(200)
    broken.told.controller?.error(new Error('cut off'))
    expect(await post('https://hook.test/', { fetch: broken.fetch, clock })).toMatchObject(delivered)
  })

  it('posts the next message over a connection whose answer came in two parts', async () => {
    const sockets = new Set<unknown>()
    const answered: (() => void)[] = []
    const server = createServer((request, response) => {
      sockets.add(request.socket)
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-length': '4' }).write('ok')
        answered.push(() => response.end('ok'))
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => {
      server.closeAllConnections()
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    let read: Promise<unknown> = Promise.resolve()
    const fetch = async (...given: Parameters<typeof globalThis.fetch>) => {
      const response = await globalThis.fetch(...given)
      const { body } = response
      if (!body) return response
      const [mine, theirs] = body.tee()
      read = new Response(mine).text()
      return new Response(theirs, response)
    }
    for (let times = 0; times < 2; times++) {
      expect(await post(url, { fetch })).toMatchObject([{ status: 'delivered' }, {}])
      for (const finish of answered.splice(0)) finish()
      await read
      // fetch has the connection back in the turn after.
      await new Promise(setImmediate)
    }
    expect(sockets.size).toBe(1)
  })

  it('takes the status for the answer where the body stalls or is cut off', async () => {
    const clock = createVirtualClock()
    const stalling = unfinished(503)
    const delivering = post('https://hook.test/', { fetch: stalling.fetch, clock })
    await clock.advance('5s')
    expect(await delivering).toMatchObject([{ status: 'deferred', reason: 'HTTP 503: ok' }, {}])
    expect(stalling.told.cancelled).toBe(true)
    const cut = unfinished(400)
    setImmediate(() => cut.told.controller?.error(new Error('cut off')))
    expect(await post('https://hook.test/', { fetch: cut.fetch, clock })).toMatchObject([
      { status: 'failed', reason: 'HTTP 400: ok' },
      {},
    ])
  })

  it('has come to nothing on this side where the attempt is ended, or the outcome cannot be told', async () => {
    const ending = new AbortController()
    const fetch = () => new Promise<Response>(() => {})
    const transport = createWebhookTransport({ url: 'https://hook.test/', secret, fetch })
    const delivering = transport.deliver(letter, ending.signal)
    ending.abort()
    expect(await delivering).toMatchObject([{ status: 'deferred', scope: 'local' }, {}])
    const outcome = () => {
      throw new Error('no idea')
    }
    expect(await post('https://hook.test/', { fetch: unfinished(299).fetch, outcome })).toMatchObject([
      { status: 'deferred', scope: 'local', reason: 'no idea' },
      {},
    ])
  })

  it('has a slot for the next message when one is through', async () => {
    const { requests, url } = await receiver(204)
    const transport = createWebhookTransport({ url, secret, concurrency: 1 })
    for (let times = 0; times < 3; times++)
      expect(await deliver(transport)).toMatchObject([{ status: 'delivered' }, {}])
    expect(requests).toHaveLength(3)
  })

  it('returns what is too large, and defers what does not get through', async () => {
    const { size } = letter.message
    const fetch = async () => new Response(null, { status: 204 })
    expect(await post('https://hook.test/', { maxSize: size, fetch })).toMatchObject([
      { status: 'delivered' },
      {},
    ])
    expect(await post('https://hook.test/', { maxSize: size - 1, fetch })).toMatchObject([
      { status: 'failed', enhanced: '5.3.4' },
      {},
    ])
    const clock = createVirtualClock()
    const signals: (AbortSignal | null | undefined)[] = []
    const mute: typeof globalThis.fetch = (_, given) => {
      signals.push(given?.signal)
      return new Promise(() => {})
    }
    const silent = post('https://hook.test/', { fetch: mute, clock })
    await clock.advance('31s')
    expect(await silent).toMatchObject([{ status: 'deferred', scope: 'host' }, {}])
    expect(signals.map(signal => signal?.aborted)).toEqual([true])
    const refused = await post('http://127.0.0.1:9/')
    expect(refused).toMatchObject([{ status: 'deferred' }, {}])
  })

  it.each([
    [{ url: 'ftp://hook.test/' }, 'url'],
    [{ secret: 'short' }, 'secret'],
    [{ headers: { 'x\r\ny': 'z' } }, 'headers'],
    [{ headers: { x: 'y\r\nz: a' } }, 'headers'],
  ])('refuses %j', (options, name) => {
    expect(() =>
      createWebhookTransport({ url: 'https://hook.test/', secret, ...options } as never),
    ).toThrowError(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(name) }),
    )
  })
})

describe('a login in the URL of a webhook', () => {
  it('is refused, as fetch takes none, and told nobody', () => {
    const url = 'https://alice:sesame@hook.test/'
    expect(() => createWebhookTransport({ url, secret })).toThrowError(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.stringMatching(/url: (?!.*sesame)/),
      }),
    )
    expect(() => createWebhookTransport({ url: 'https://hook.test/a@b.test', secret })).not.toThrow()
  })
})

describe('the site of a transport that goes one way', () => {
  const { signal } = new AbortController()
  const smarthost = createSmarthostTransport({
    hostname: 'app.test',
    servers: [{ host: '192.0.2.1', port: 587 }, { host: '192.0.2.2' }],
  })
  const lmtp = createLmtpTransport({ hostname: 'app.test', path: '/run/lmtp' })
  const hook = createWebhookTransport({ url: 'https://app.test/mail', secret })
  const callback = createFunctionTransport({ deliver: () => {} })

  it('is one for all destinations', async () => {
    const sites = (transport: Transport) =>
      Promise.all(['rome.test', 'paris.test'].map(domain => transport.site?.(domain, signal)))
    expect(await sites(smarthost)).toEqual(Array(2).fill('192.0.2.1:587 192.0.2.2:587'))
    expect(await sites(lmtp)).toEqual(Array(2).fill('/run/lmtp'))
    expect(await sites(hook)).toEqual(Array(2).fill('app.test'))
    expect(await sites(callback)).toEqual(Array(2).fill('function'))
  })

  it('is passed on by a route that is that of a whole domain', async () => {
    const plain: Transport = { deliver: async () => [], close: async () => {} }
    const transport = createRoutedTransport({
      transports: { hook, plain },
      route: () => 'hook',
      routeOfDomain: domain => ({ 'rome.test': 'hook' as const, 'paris.test': 'plain' as const })[domain],
    })
    const sites = ['rome.test', 'paris.test', 'mixed.test'].map(domain => transport.site?.(domain, signal))
    expect(await Promise.all(sites)).toEqual(['hook: app.test', 'plain: paris.test', undefined])
    expect(createRoutedTransport({ transports: { hook }, route: () => 'hook' }).site).toBeUndefined()
  })
})
