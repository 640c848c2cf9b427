import type { Meter, ObservableCallback } from '@opentelemetry/api'
import type { DeliveryQueue } from '../queue/delivery-queue.js'
import type { RecipientEvent } from '../queue/events.js'
import { buckets } from './buckets.js'
import { seconds } from './seconds.js'
import { tlsVersion } from './tls-version.js'

/** The events that end an attempt of a recipient. */
export const attemptEvents = [
  'recipient:delivered',
  'recipient:deferred',
  'recipient:failed',
  'recipient:unknown',
] as const

/** Whether an attempt was made: of mail that was put off, as its site is put aside, the event tells why none was. */
export function wasTried({ attempt, history }: RecipientEvent): boolean {
  return history.at(-1) === attempt
}

/** Counts what a queue does, and looks at what it holds. Returns what ends it. */
export function meterQueue(queue: DeliveryQueue, meter: Meter): (() => void)[] {
  return [...countMessages(queue, meter), ...countAttempts(queue, meter), ...gauge(queue, meter)]
}

function countMessages(queue: DeliveryQueue, meter: Meter): (() => void)[] {
  const messages = meter.createCounter('posthorn.queue.messages', { unit: '{message}' })
  const dsns = meter.createCounter('posthorn.dsn.sent', { unit: '{message}' })
  const bounces = meter.createCounter('posthorn.bounces', { unit: '{message}' })
  const lost = meter.createCounter('posthorn.queue.leases.lost', { unit: '{entry}' })
  const errors = meter.createCounter('posthorn.queue.errors', { unit: '{error}' })
  return [
    queue.on('message:queued', () => messages.add(1)),
    queue.on('dsn:sent', ({ kind }) => dsns.add(1, { 'posthorn.dsn.kind': kind })),
    queue.on('bounce:received', ({ verified }) => bounces.add(1, { 'posthorn.bounce.verified': verified })),
    queue.on('lease:lost', ({ entries }) => lost.add(entries.length)),
    queue.on('queue:error', () => errors.add(1)),
  ]
}

function countAttempts(queue: DeliveryQueue, meter: Meter): (() => void)[] {
  const attempts = meter.createCounter('posthorn.delivery.attempts', { unit: '{attempt}' })
  const duration = meter.createHistogram('posthorn.delivery.duration', {
    unit: 's',
    advice: buckets.duration,
  })
  const encrypted = meter.createCounter('posthorn.delivery.tls', { unit: '{recipient}' })
  const time = meter.createHistogram('posthorn.queue.time', { unit: 's', advice: buckets.waiting })
  const count = (event: RecipientEvent) => {
    if (!wasTried(event)) return
    const { attempt } = event
    const attributes = { 'posthorn.status': attempt.status, 'posthorn.scope': attempt.scope }
    attempts.add(1, attributes)
    duration.record(seconds(attempt.startedAt, attempt.endedAt), attributes)
  }
  const end = ({ attempt, queuedAt }: RecipientEvent) =>
    time.record(seconds(queuedAt, attempt.endedAt), { 'posthorn.status': attempt.status })
  return [
    ...attemptEvents.map(name => queue.on(name, count)),
    queue.on('recipient:delivered', end),
    queue.on('recipient:failed', end),
    queue.on('recipient:delivered', ({ attempt: { tls, tlsRule, tlsVerified } }) =>
      encrypted.add(1, {
        'posthorn.tls.rule': tlsRule ?? 'none',
        'posthorn.tls.verified': tlsVerified ?? 'none',
        'tls.protocol.version': tlsVersion(tls),
      }),
    ),
  ]
}

function gauge(queue: DeliveryQueue, meter: Meter): (() => void)[] {
  const entries = meter.createObservableGauge('posthorn.queue.entries', { unit: '{entry}' })
  const observeEntries: ObservableCallback = async result => {
    for (const [state, count] of Object.entries(await queue.counts())) {
      result.observe(count, { 'posthorn.state': state })
    }
  }
  entries.addCallback(observeEntries)
  const sites = meter.createObservableGauge('posthorn.queue.sites', { unit: '{site}' })
  const observeSites: ObservableCallback = result => {
    const all = queue.sites()
    const suspended = all.filter(({ suspendedUntil }) => suspendedUntil !== undefined).length
    result.observe(suspended, { 'posthorn.state': 'suspended' })
    result.observe(all.length - suspended, { 'posthorn.state': 'open' })
  }
  sites.addCallback(observeSites)
  return [() => entries.removeCallback(observeEntries), () => sites.removeCallback(observeSites)]
}
