import type { Meter, Tracer } from '@opentelemetry/api'
import { MailError } from '../core/error.js'
import type { Events } from '../core/events.js'
import type { Pop3ServerEvents } from '../pop3/events.js'
import type { DeliveryQueue } from '../queue/delivery-queue.js'
import type { SmtpServerEvents } from '../smtp-server/events.js'
import type { MailStoreEvents } from '../store/events.js'
import { meterPop3 } from './meter-pop3.js'
import { meterQueue } from './meter-queue.js'
import { meterSmtp } from './meter-smtp.js'
import { meterStore } from './meter-store.js'
import { type Api, traceMessages } from './trace-messages.js'

/** What {@link observe} is given: any parts of a host, or the whole of `createMailServer`. */
export interface ObserveOptions {
  queue?: DeliveryQueue
  smtp?: Events<SmtpServerEvents>
  pop3?: Events<Pop3ServerEvents>
  store?: Events<MailStoreEvents>
  /** Default: that of the global meter provider, named `posthorn`. */
  meter?: Meter
  /** Default: that of the global tracer provider, named `posthorn`. */
  tracer?: Tracer
  /**
   * Whether spans name people: senders, recipients, the addresses of clients, and what servers replied, which often has
   * an address in it. Metrics never do. Default: `false`.
   */
  addresses?: boolean
}

/**
 * Tells OpenTelemetry of the parts of a host, by its package `@opentelemetry/api`, which is loaded here and nowhere else.
 * Metrics and spans are listed in `docs/guide/metrics-and-traces.md`. A message that an SMTP server took has a span
 * `posthorn.receive`, which the spans `posthorn.delivery` of its attempts belong to. Where this process did not receive
 * it, the attempts belong to a span `posthorn.queue`, from queueing to the first attempt seen here; it belongs to what was
 * active when the message was handed to `queue.send`. Every span has `posthorn.trace_id`, the same in all processes.
 * Resolves to what ends it.
 * @throws MailError `DRIVER_MISSING` without the package.
 */
export async function observe(options: ObserveOptions): Promise<() => void> {
  const api = await loadApi()
  const { queue, smtp, pop3, store, addresses = false } = options
  const meter = options.meter ?? api.metrics.getMeter('posthorn')
  const tracer = options.tracer ?? api.trace.getTracer('posthorn')
  const stops = [
    ...(queue ? meterQueue(queue, meter) : []),
    ...(smtp ? meterSmtp(smtp, meter) : []),
    ...(pop3 ? meterPop3(pop3, meter) : []),
    ...(store ? meterStore(store, meter) : []),
    ...traceMessages(api, tracer, { queue, smtp, addresses }),
  ]
  return () => {
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
