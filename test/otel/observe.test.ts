import type { SpanContext } from '@opentelemetry/api'
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { describe, expect, it, vi } from 'vitest'
import { observe } from '../../src/otel/index.js'
import { createQueueWorld, deferred, delivered, failed, minute } from '../queue/queue-world.js'
import { createSdk } from './sdk.js'

describe('a queue alone', () => {
  it('tells of attempts, in one trace a message, and of itself', async () => {
    const sdk = createSdk()
    let attempts = 0
    await using world = await createQueueWorld(() => (++attempts === 1 ? deferred : delivered))
    const stop = await observe({ queue: world.queue, ...sdk.options })
    await world.send('bob@rome.test')
    await world.send('carol@oslo.test')
    await world.clock.advance('1h')

    expect(sdk.spans().map(span => [span.name, span.attributes['posthorn.status']])).toEqual([
      ['posthorn.queue', undefined],
      ['posthorn.delivery', 'deferred'],
      ['posthorn.queue', undefined],
      ['posthorn.delivery', 'delivered'],
      ['posthorn.delivery', 'delivered'],
    ])
    const [waited, first, other, , second] = sdk.spans()
    for (const span of [first, second]) expect(span?.parentSpanContext).toEqual(waited?.spanContext())
    expect(waited?.parentSpanContext).toBeUndefined()
    expect(other?.spanContext().traceId).not.toBe(waited?.spanContext().traceId)

    const points = await sdk.points()
    expect(points('posthorn.queue.messages')).toEqual([[{}, 2]])
    expect(points('posthorn.delivery.attempts')).toEqual([
      [{ 'posthorn.status': 'deferred', 'posthorn.scope': 'host' }, 1],
      [{ 'posthorn.status': 'delivered', 'posthorn.scope': 'recipient' }, 2],
    ])
    expect(points('posthorn.queue.entries')).toContainEqual([{ 'posthorn.state': 'waiting' }, 0])
    expect(points('posthorn.queue.sites')).toEqual([
      [{ 'posthorn.state': 'suspended' }, 0],
      [{ 'posthorn.state': 'open' }, 2],
    ])
    const times = points('posthorn.queue.time')[0]?.[1]
    expect(times).toMatchObject({ count: 2, max: (15 * minute) / 1_000 })

    stop()
    await world.send('dora@rome.test')
    await world.queue.idle()
    expect(sdk.spans()).toHaveLength(5)
    await sdk.close()
  })

  it('counts as attempts what was tried, not what was put off as its site is put aside', async () => {
    const sdk = createSdk()
    await using world = await createQueueWorld(() => deferred, { concurrency: { start: 3 } })
    world.transport.site = async () => 'mx.hosted.test'
    const stop = await observe({ queue: world.queue, ...sdk.options })
    for (let index = 0; index < 10; index++) await world.send(`bob@d${index}.hosted.test`, '')
    await world.clock.settled()
    const tried = world.transport.deliveries.length
    expect(tried).toBeLessThan(10)
    expect(world.events('recipient:deferred')).toHaveLength(10)
    const points = await sdk.points()
    const attributes = { 'posthorn.status': 'deferred', 'posthorn.scope': 'host' }
    expect(points('posthorn.delivery.attempts')).toEqual([[attributes, tried]])
    expect(points('posthorn.delivery.duration')).toMatchObject([[attributes, { count: tried }]])
    expect(sdk.spans().filter(({ name }) => name === 'posthorn.delivery')).toHaveLength(tried)
    stop()
    await sdk.close()
  })

  it('tells times apart from milliseconds to days', async () => {
    const sdk = createSdk()
    let attempts = 0
    await using world = await createQueueWorld(() => (++attempts < 10 ? deferred : delivered))
    const stop = await observe({ queue: world.queue, ...sdk.options })
    await world.send('bob@rome.test')
    await world.clock.advance('20h')
    const points = await sdk.points()
    for (const [name, boundaries] of [
      ['posthorn.delivery.duration', [0.01, 0.1, 1, 10, 60]],
      ['posthorn.queue.time', [1, 60, 3_600, 86_400, 432_000]],
    ] as const) {
      const wanted = { boundaries: expect.arrayContaining([...boundaries]) }
      expect(points(name)[0]?.[1], name).toMatchObject({ buckets: wanted })
    }
    stop()
    await sdk.close()
  })

  it('leaves it to the sampler which messages are traced', async () => {
    const sdk = createSdk({ ratio: 0 })
    await using world = await createQueueWorld(() => delivered)
    const stop = await observe({ queue: world.queue, ...sdk.options })
    await world.send('bob@rome.test')
    await world.queue.idle()
    expect(sdk.spans()).toEqual([])
    stop()
    await sdk.close()
  })

  it('belongs to what the app was doing when it sent', async () => {
    const sdk = createSdk()
    await using world = await createQueueWorld(() => delivered)
    const stop = await observe({ queue: world.queue, ...sdk.options })
    const caller: SpanContext = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }
    // What a context manager of the SDK answers inside of the app's span.
    const active = vi.spyOn(context, 'active').mockReturnValue(trace.setSpanContext(ROOT_CONTEXT, caller))
    await world.send('bob@rome.test')
    active.mockRestore()
    await world.queue.idle()
    expect(sdk.spans().map(span => [span.name, span.spanContext().traceId])).toEqual([
      ['posthorn.queue', caller.traceId],
      ['posthorn.delivery', caller.traceId],
    ])
    stop()
    await sdk.close()
  })

  it('has the report of a failure in the trace of what failed', async () => {
    const sdk = createSdk()
    await using world = await createQueueWorld(to => (to === 'bob@rome.test' ? failed : delivered))
    const stop = await observe({ queue: world.queue, ...sdk.options })
    await world.send('bob@rome.test')
    await world.clock.settled()
    const spans = sdk.spans()
    expect(spans.map(span => [span.name, span.attributes['posthorn.destination']])).toEqual([
      ['posthorn.queue', undefined],
      ['posthorn.delivery', 'rome.test'],
      ['posthorn.queue', undefined],
      ['posthorn.delivery', 'paris.test'],
    ])
    expect(new Set(spans.map(span => span.spanContext().traceId)).size).toBe(1)
    expect(spans[2]?.parentSpanContext).toEqual(spans[0]?.spanContext())
    stop()
    await sdk.close()
  })
})

it('says what to install where the package is missing', async () => {
  vi.doMock('@opentelemetry/api', () => {
    throw new Error("Cannot find package '@opentelemetry/api'")
  })
  await expect(observe({})).rejects.toMatchObject({
    code: 'DRIVER_MISSING',
    message: expect.stringContaining('npm install @opentelemetry/api'),
  })
  vi.doUnmock('@opentelemetry/api')
  expect(await observe({})).toBeTypeOf('function')
})
