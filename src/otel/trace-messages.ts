import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api'
import type { Events } from '../core/events.js'
import type { DeliveryQueue } from '../queue/delivery-queue.js'
import type { RecipientEvent } from '../queue/events.js'
import type { MessageAccepted, MessageRejected, SmtpServerEvents } from '../smtp-server/events.js'
import { attemptEvents, wasTried } from './meter-queue.js'
import { tlsVersion } from './tls-version.js'

/** The package `@opentelemetry/api`. */
export type Api = typeof import('@opentelemetry/api')

/** What spans are made of, and whether they name people. */
export interface TracedParts {
  readonly queue: DeliveryQueue | undefined
  readonly smtp: Events<SmtpServerEvents> | undefined
  readonly addresses: boolean
}

/** Makes spans of messages that are received and delivered. Returns what ends it. */
export function traceMessages(api: Api, tracer: Tracer, parts: TracedParts): (() => void)[] {
  const { queue, smtp } = parts
  const messages = new MessageTracer(api, tracer, parts.addresses)
  return [
    ...(smtp
      ? [
          smtp.on('message:accepted', message => messages.received(message)),
          smtp.on('message:rejected', message => messages.received(message)),
        ]
      : []),
    ...(queue
      ? [
          queue.on('dsn:sent', ({ traceId, dsnTraceId }) => messages.reported(traceId, dsnTraceId)),
          queue.on('message:queued', ({ traceId }) => messages.queued(traceId)),
          ...attemptEvents.map(name => queue.on(name, attempt => messages.attempted(attempt))),
        ]
      : []),
  ]
}

/** Messages whose spans are remembered: those of older ones begin anew, as after a restart. */
const mostMessages = 10_000

class MessageTracer {
  readonly #api: Api
  readonly #tracer: Tracer
  readonly #addresses: boolean
  /** By trace id of the message: the context that its attempts belong to, the oldest first. */
  readonly #parents = new Map<string, Context>()
  /** The same of messages without a span of their own yet: what was active when they were queued, or what they report. */
  readonly #callers = new Map<string, () => Context>()

  constructor(api: Api, tracer: Tracer, addresses: boolean) {
    this.#api = api
    this.#tracer = tracer
    this.#addresses = addresses
  }

  received(message: MessageAccepted | MessageRejected): void {
    const { SpanKind, SpanStatusCode, ROOT_CONTEXT } = this.#api
    const { traceId, times, envelope, remoteAddress } = message
    const attributes = {
      'posthorn.trace_id': traceId,
      'posthorn.session_id': message.sessionId,
      'posthorn.smtp.kind': message.kind,
      'posthorn.message.size': message.size,
      'posthorn.recipients': envelope.recipients.length,
      'posthorn.reply.code': 'reply' in message ? message.reply.code : 250,
      ...(this.#addresses && {
        'client.address': remoteAddress,
        'posthorn.sender': envelope.sender,
      }),
    }
    const given = { kind: SpanKind.SERVER, startTime: times.startedAt, attributes }
    const span = this.#tracer.startSpan('posthorn.receive', given, ROOT_CONTEXT)
    span.addEvent('posthorn.data', undefined, times.dataAt)
    if ('reply' in message && message.reply.code >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end(times.endedAt)
    if ('result' in message) this.#adopt(traceId, span)
  }

  /** A report belongs to the message it is about, not to whatever made the queue go on. */
  reported(traceId: string, dsnTraceId: string): void {
    const known = this.#parents.get(traceId)
    // News of mail that is kept here is stored with it, before its receipt has come to an end.
    remember(this.#callers, dsnTraceId, () => known ?? this.#parents.get(traceId) ?? this.#api.ROOT_CONTEXT)
  }

  queued(traceId: string): void {
    if (this.#callers.has(traceId)) return
    const active = this.#api.context.active()
    remember(this.#callers, traceId, () => active)
  }

  attempted(event: RecipientEvent): void {
    if (!wasTried(event)) return
    const { SpanKind, SpanStatusCode } = this.#api
    const { status, reply, reason, startedAt, endedAt } = event.attempt
    const given = { kind: SpanKind.CLIENT, startTime: startedAt, attributes: this.#describe(event) }
    const parent = this.#parents.get(event.traceId) ?? this.#waited(event)
    const span = this.#tracer.startSpan('posthorn.delivery', given, parent)
    if (status !== 'delivered') {
      const told = this.#addresses ? reason : `${status}${reply ? ` ${reply.code}` : ''}`
      span.setStatus({ code: SpanStatusCode.ERROR, message: told })
    }
    span.end(endedAt)
  }

  /** A message that was not received here: its span tells how long it waited for the first attempt seen here. */
  #waited({ traceId, queuedAt, attempt }: RecipientEvent): Context {
    const given = {
      kind: this.#api.SpanKind.PRODUCER,
      startTime: queuedAt,
      attributes: { 'posthorn.trace_id': traceId },
    }
    const caller = this.#callers.get(traceId)?.() ?? this.#api.ROOT_CONTEXT
    const span = this.#tracer.startSpan('posthorn.queue', given, caller)
    span.end(Math.max(queuedAt, attempt.startedAt))
    return this.#adopt(traceId, span)
  }

  #adopt(traceId: string, span: Span): Context {
    const context = this.#api.trace.setSpan(this.#api.ROOT_CONTEXT, span)
    this.#callers.delete(traceId)
    return remember(this.#parents, traceId, context)
  }

  #describe({ traceId, sender, recipient, destination, attempt, attempts }: RecipientEvent): Attributes {
    const { status, scope, host, address, tls, tlsRule, reply } = attempt
    return {
      'posthorn.trace_id': traceId,
      'posthorn.destination': destination,
      'posthorn.attempt': attempts,
      'posthorn.status': status,
      'posthorn.scope': scope,
      'tls.protocol.version': tlsVersion(tls),
      ...(tlsRule !== undefined && { 'posthorn.tls.rule': tlsRule }),
      ...(host !== undefined && { 'server.address': host }),
      ...(address !== undefined && { 'network.peer.address': address }),
      ...(reply && { 'posthorn.reply.code': reply.code }),
      ...(this.#addresses && { 'posthorn.sender': sender, 'posthorn.recipient': recipient }),
    }
  }
}

function remember<T>(contexts: Map<string, T>, traceId: string, context: T): T {
  contexts.set(traceId, context)
  const [oldest] = contexts.keys()
  if (contexts.size > mostMessages && oldest !== undefined) contexts.delete(oldest)
  return context
}
