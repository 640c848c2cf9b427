import { createHash } from 'node:crypto'
import type { Context, Meter, Tracer } from '@opentelemetry/api'
import { MailError } from '../core/error.js'
import type { DeliveryQueue } from '../queue/delivery-queue.js'
import type { RecipientEvent } from '../queue/events.js'

/** What {@link observe} is given. */
export interface ObserveOptions {
  queue: DeliveryQueue
  /** Default: that of the global meter provider, named `posthorn`. */
  meter?: Meter
  /** Default: that of the global tracer provider, named `posthorn`. */
  tracer?: Tracer
}

type Api = typeof import('@opentelemetry/api')

/**
 * Tells OpenTelemetry of a queue, by its package `@opentelemetry/api`, which is loaded here and nowhere else. Metrics:
 * `posthorn.queue.messages`, `posthorn.queue.entries` and `posthorn.queue.sites` (by state), `posthorn.delivery.attempts` and
 * `posthorn.delivery.duration` (seconds; both by outcome and scope), `posthorn.queue.time` (seconds from queueing to
 * the end), `posthorn.dsn.sent` (by kind), `posthorn.queue.errors`. A span `posthorn.delivery` for each attempt of a
 * recipient; the spans of one message share a trace, whose id is made of the message's trace id.
 * Resolves to what ends it.
 * @throws MailError `DRIVER_MISSING` without the package.
 */
export async function observe(options: ObserveOptions): Promise<() => void> {
  const api = await loadApi()
  const { queue } = options
  const meter = options.meter ?? api.metrics.getMeter('posthorn')
  const tracer = options.tracer ?? api.trace.getTracer('posthorn')
  const stops = [...countEvents(queue, meter), ...traceAttempts(api, queue, tracer)]
  const entries = meter.createObservableGauge('posthorn.queue.entries', { unit: '{entry}' })
  const observeEntries: Parameters<typeof entries.addCallback>[0] = async result => {
    for (const [state, count] of Object.entries(await queue.counts())) result.observe(count, { state })
  }
  entries.addCallback(observeEntries)
  const sites = meter.createObservableGauge('posthorn.queue.sites', { unit: '{site}' })
  const observeSites: Parameters<typeof sites.addCallback>[0] = result => {
    const all = queue.sites()
    const suspended = all.filter(({ suspendedUntil }) => suspendedUntil !== undefined).length
    result.observe(suspended, { state: 'suspended' })
    result.observe(all.length - suspended, { state: 'open' })
  }
  sites.addCallback(observeSites)
  return () => {
    entries.removeCallback(observeEntries)
    sites.removeCallback(observeSites)
    for (const stop of stops) stop()
  }
}

async function loadApi(): Promise<Api> {
  try {
    return await import('@opentelemetry/api')
  } catch (cause) {
    const message = 'observe: the package @opentelemetry/api is missing: npm install @opentelemetry/api'
    throw new MailError('DRIVER_MISSING', message, { cause })
  }
}

const outcomes = [
  'recipient:delivered',
  'recipient:deferred',
  'recipient:failed',
  'recipient:unknown',
] as const

function countEvents(queue: DeliveryQueue, meter: Meter): (() => void)[] {
  const messages = meter.createCounter('posthorn.queue.messages', { unit: '{message}' })
  const attempts = meter.createCounter('posthorn.delivery.attempts', { unit: '{attempt}' })
  const duration = meter.createHistogram('posthorn.delivery.duration', { unit: 's' })
  const time = meter.createHistogram('posthorn.queue.time', { unit: 's' })
  const dsns = meter.createCounter('posthorn.dsn.sent', { unit: '{message}' })
  const errors = meter.createCounter('posthorn.queue.errors', { unit: '{error}' })
  const count = ({ attempt }: RecipientEvent) => {
    const { status, scope, startedAt, endedAt } = attempt
    attempts.add(1, { status, scope })
    duration.record(seconds(endedAt - startedAt), { status, scope })
  }
  const end = ({ attempt, queuedAt }: RecipientEvent) =>
    time.record(seconds(attempt.endedAt - queuedAt), { status: attempt.status })
  return [
    queue.on('message:queued', () => messages.add(1)),
    ...outcomes.map(name => queue.on(name, count)),
    queue.on('recipient:delivered', end),
    queue.on('recipient:failed', end),
    queue.on('dsn:sent', ({ kind }) => dsns.add(1, { kind })),
    queue.on('queue:error', () => errors.add(1)),
  ]
}

/** A clock that was set back makes no negative time. */
function seconds(milliseconds: number): number {
  return Math.max(milliseconds, 0) / 1_000
}

function traceAttempts(api: Api, queue: DeliveryQueue, tracer: Tracer): (() => void)[] {
  const tell = ({ traceId, recipient, destination, attempt, attempts }: RecipientEvent) => {
    const { status, scope, host, address, tls, reply, reason, startedAt, endedAt } = attempt
    const attributes = {
      'posthorn.trace_id': traceId,
      'posthorn.recipient.domain': recipient.slice(recipient.lastIndexOf('@') + 1),
      'posthorn.destination': destination,
      'posthorn.attempt': attempts,
      'posthorn.status': status,
      'posthorn.scope': scope,
      ...(host !== undefined && { 'server.address': host }),
      ...(address !== undefined && { 'network.peer.address': address }),
      ...(tls !== undefined && { 'posthorn.tls': tls }),
      ...(reply && { 'posthorn.reply.code': reply.code }),
    }
    const given = { kind: api.SpanKind.CLIENT, startTime: startedAt, attributes }
    const span = tracer.startSpan('posthorn.delivery', given, messageContext(api, traceId))
    if (status !== 'delivered') span.setStatus({ code: api.SpanStatusCode.ERROR, message: reason })
    span.end(endedAt)
  }
  return outcomes.map(name => queue.on(name, tell))
}

/** The parent of all spans of a message: whatever process made them, they meet in one trace. */
function messageContext({ trace, ROOT_CONTEXT, TraceFlags }: Api, id: string): Context {
  const digest = createHash('sha256').update(id).digest('hex')
  const parent = { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48), isRemote: true }
  return trace.setSpanContext(ROOT_CONTEXT, { ...parent, traceFlags: TraceFlags.SAMPLED })
}
