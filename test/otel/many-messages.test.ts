import { context, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api'
import { expect, it, vi } from 'vitest'
import { MailEvents } from '../../src/core/events.js'
import { observe } from '../../src/otel/index.js'
import type { DeliveryQueue } from '../../src/queue/delivery-queue.js'
import type { DeliveryQueueEvents, RecipientEvent } from '../../src/queue/events.js'
import type { SmtpServerEvents } from '../../src/smtp-server/events.js'
import type { AttemptRecord } from '../../src/storage/queue-storage.js'
import { createSdk } from './sdk.js'

/** A queue and a server that tell what they are told to, and who watches them. */
async function watchedEvents() {
  const sdk = createSdk()
  const smtp = new MailEvents<SmtpServerEvents>()
  const emitter = new MailEvents<DeliveryQueueEvents>()
  const looks: string[] = []
  const counts = async () => {
    looks.push('counts')
    return { waiting: 1, leased: 0, held: 0, dead: 0 }
  }
  const sites = () => {
    looks.push('sites')
    return []
  }
  const queue: DeliveryQueue = Object.assign(emitter, { counts, sites }) as never
  const stop = await observe({ queue, smtp, ...sdk.options })
  const attempt = (traceId: string, facts: Partial<AttemptRecord> = {}) => {
    const [startedAt, endedAt] = [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1, 0, 1)]
    const made = { startedAt, endedAt, status: 'delivered', scope: 'host', reason: 'so', ...facts } as const
    const event: RecipientEvent = {
      ...{ traceId, entry: 'q1', sender: 'alice@paris.test', recipient: 'bob@rome.test', attempts: 1 },
      ...{ destination: 'rome.test', attempt: made, history: [made], queuedAt: startedAt },
    }
    if (made.status === 'delivered') emitter.emit('recipient:delivered', event)
    else emitter.emit('recipient:deferred', { ...event, retryAt: 0 })
  }
  const receive = (traceId: string, isAccepted: boolean) => {
    const at = Date.UTC(2026, 0, 1)
    const message = {
      ...{ traceId, sessionId: 's', remoteAddress: '192.0.2.1', remotePort: 7, size: 9 },
      kind: 'smtp',
      envelope: { sender: 'alice@paris.test', recipients: [] },
      times: { startedAt: at, dataAt: at, endedAt: at },
    } as const
    const reply = { code: 550, text: 'Spam' }
    if (isAccepted) smtp.emit('message:accepted', { ...message, result: { entries: [] } as never })
    else smtp.emit('message:rejected', { ...message, reply })
  }
  return { sdk, looks, emitter, attempt, receive, stop, [Symbol.asyncDispose]: () => sdk.close() }
}

it('remembers the spans of ten thousand messages, and begins those of older ones anew', async () => {
  await using watched = await watchedEvents()
  const caller = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }
  const active = vi.spyOn(context, 'active').mockReturnValue(trace.setSpanContext(ROOT_CONTEXT, caller))
  watched.emitter.emit('message:queued', { traceId: 'first', sender: '', entries: [], recipients: [] })
  active.mockRestore()
  watched.attempt('first')
  for (let index = 0; index < 9_999; index++) watched.attempt(`m${index}`)
  watched.attempt('first')
  watched.attempt('one more')
  watched.attempt('first')
  const spans = watched.sdk.spans().filter(span => span.attributes['posthorn.trace_id'] === 'first')
  expect(spans.map(span => [span.name, span.spanContext().traceId === caller.traceId])).toEqual([
    ['posthorn.queue', true],
    ['posthorn.delivery', true],
    ['posthorn.delivery', true],
    ['posthorn.queue', false],
    ['posthorn.delivery', false],
  ])
  watched.stop()
})

it('forgets no message for those that were refused', async () => {
  await using watched = await watchedEvents()
  watched.receive('kept', true)
  for (let index = 0; index < 10_000; index++) watched.receive(`spam${index}`, false)
  watched.attempt('kept')
  const kept = watched.sdk.spans().filter(span => span.attributes['posthorn.trace_id'] === 'kept')
  expect(kept.map(span => span.name)).toEqual(['posthorn.receive', 'posthorn.delivery'])
  watched.stop()
})

it('takes no time for less than none, and what did not deliver for an error', async () => {
  await using watched = await watchedEvents()
  // The clock was set back during the attempt.
  watched.attempt('one', { status: 'deferred', endedAt: Date.UTC(2025, 0, 1) })
  watched.attempt('two')
  const points = await watched.sdk.points()
  expect(points('posthorn.delivery.duration').map(([, value]) => value)).toMatchObject([
    { count: 1, min: 0 },
    { count: 1, min: 60 },
  ])
  const spans = watched.sdk.spans().filter(({ name }) => name === 'posthorn.delivery')
  expect(spans.map(span => [span.status.code, span.status.message])).toEqual([
    [SpanStatusCode.ERROR, 'deferred'],
    [SpanStatusCode.UNSET, undefined],
  ])
  watched.stop()
})

it('looks at nothing any more once it was stopped', async () => {
  await using watched = await watchedEvents()
  await watched.sdk.points()
  expect(watched.looks.toSorted()).toEqual(['counts', 'sites'])
  watched.stop()
  watched.attempt('late')
  await watched.sdk.points()
  expect(watched.looks).toHaveLength(2)
  expect(watched.sdk.spans()).toEqual([])
})
