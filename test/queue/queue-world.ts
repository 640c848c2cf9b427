import { createVirtualClock } from '../../src/core/virtual-clock.js'
import type { Delivery, RecipientOutcome, Transport } from '../../src/delivery/transport.js'
import { createDeliveryQueue } from '../../src/queue/create-delivery-queue.js'
import type { DeliveryQueueEvents } from '../../src/queue/events.js'
import type { DeliveryQueueOptions } from '../../src/queue/options.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'

/** What a recipient's next server says in an attempt; a function sees the attempt. */
export type Answer = Partial<RecipientOutcome> & Pick<RecipientOutcome, 'status'>
export type Script = (
  recipient: string,
  delivery: Delivery,
  signal: AbortSignal,
) => Answer | undefined | Promise<Answer | undefined>

export const hour = 3_600_000
export const minute = 60_000

export const delivered: Answer = { status: 'delivered', scope: 'recipient', reason: 'taken' }
export const deferred: Answer = { status: 'deferred', scope: 'host', reason: 'nobody at home' }
export const failed: Answer = {
  status: 'failed',
  scope: 'recipient',
  reason: 'no such user',
  reply: { code: 550, enhanced: '5.1.1', text: 'No such user' },
}
export const unknown: Answer = { status: 'unknown', scope: 'host', reason: 'lost after the dot' }

/** A transport that answers by a script and remembers what it was given. */
export function scriptedTransport(script: Script): Transport & { deliveries: Delivery[]; closed: boolean } {
  const deliveries: Delivery[] = []
  return {
    deliveries,
    closed: false,
    async deliver(delivery, signal) {
      deliveries.push(delivery)
      const outcomes: RecipientOutcome[] = []
      for (const { address } of delivery.recipients) {
        const answer = await script(address, delivery, signal)
        if (answer) outcomes.push({ scope: 'recipient', reason: 'so it is', ...answer, recipient: address })
      }
      return outcomes
    },
    async close() {
      this.closed = true
    },
  }
}

/** One entry of the record of a queue's events. */
export type Recorded = {
  [Name in keyof DeliveryQueueEvents]: { event: Name; at: number; payload: DeliveryQueueEvents[Name] }
}[keyof DeliveryQueueEvents]

const eventNames = [
  'message:queued',
  'attempt:started',
  'recipient:delivered',
  'recipient:deferred',
  'recipient:failed',
  'recipient:unknown',
  'dsn:sent',
  'dsn:suppressed',
  'entry:held',
  'entry:released',
  'entry:dropped',
  'entry:dead',
  'lease:lost',
  'queue:error',
] as const

/** A queue over a virtual clock and memory, with a scripted transport, that was started. */
export async function createQueueWorld(
  script: Script = () => delivered,
  options: Partial<DeliveryQueueOptions> = {},
) {
  const clock =
    (options.clock as ReturnType<typeof createVirtualClock> | undefined) ??
    createVirtualClock({ haltAfter: 5 })
  const storage = options.storage ?? memoryStorage()
  const transport = scriptedTransport(script)
  const queue = createDeliveryQueue({
    hostname: 'mx.paris.test',
    random: () => 0.5,
    transport,
    ...options,
    storage,
    clock,
  })
  const start = clock.now()
  const log: Recorded[] = []
  for (const event of eventNames) {
    queue.on(event, payload => log.push({ event, at: clock.now() - start, payload } as Recorded))
  }
  await queue.start()
  return {
    clock,
    start,
    storage,
    transport,
    queue,
    log,
    /** Payloads of an event, in order. */
    events<Name extends keyof DeliveryQueueEvents>(name: Name): DeliveryQueueEvents[Name][] {
      return log.filter(record => record.event === name).map(record => record.payload as never)
    },
    /** When an event happened, in milliseconds since the start. */
    times(name: keyof DeliveryQueueEvents): number[] {
      return log.filter(record => record.event === name).map(record => record.at)
    },
    /** Sends a small message from alice@paris.test. */
    send(recipients: string | string[], sender = 'alice@paris.test') {
      return queue.send({
        raw: 'Subject: Hello\r\nMessage-ID: <1@paris.test>\r\n\r\nHow are you?\r\n',
        envelope: { sender, recipients: [recipients].flat() },
      })
    },
    [Symbol.asyncDispose]: () => queue.close({ grace: 0 }),
  }
}
