import { escapeControls } from '../../core/escape-controls.js'
import type { MailServer } from '../../mail-server.js'
import type { DeliveryQueueEvents, RecipientEvent } from '../../queue/events.js'
import { describeReply } from '../../smtp/reply.js'
import type { SmtpServerEvents } from '../../smtp-server/events.js'
import type { Arrival } from '../recording/arrival.js'
import type { MailLog } from '../recording/mail-log.js'

/** One thing that happened to a message. */
interface Step {
  readonly at: number
  readonly text: string
}

/** How many messages are followed; the oldest are forgotten first. */
const most = 10_000

/** Follows every message by its trace id, through the events of server and queue. */
export class TraceLog {
  readonly #steps = new Map<string, Step[]>()
  readonly #now: () => number
  readonly #stops: readonly (() => void)[]

  constructor({ smtp, queue }: Pick<MailServer, 'smtp' | 'queue'>, log: MailLog, now: () => number) {
    this.#now = now
    const onSmtp = <Name extends keyof SmtpServerEvents>(
      event: Name,
      tell: (payload: SmtpServerEvents[Name]) => string,
    ) => smtp.on(event, payload => this.#note(payload.traceId, tell(payload)))
    const onQueue = <Name extends keyof DeliveryQueueEvents>(
      event: Name,
      tell: (payload: DeliveryQueueEvents[Name]) => string,
    ) => queue.on(event, payload => this.#note(payload.traceId, tell(payload)))
    this.#stops = [
      log.onArrival(({ traceId, ...arrival }) => this.#note(traceId, arrived(arrival))),
      onSmtp(
        'recipient:rejected',
        ({ recipient, reply }) => `refused for ${recipient}: ${describeReply(reply)}`,
      ),
      onSmtp('message:rejected', ({ reply }) => `refused: ${describeReply(reply)}`),
      onSmtp(
        'message:accepted',
        ({ size, result: { copies, entries } }) =>
          `accepted, ${size} octets: ${copies.length} copies here, ${entries.length} to deliver`,
      ),
      onSmtp('handler:failed', ({ handler }) => `${handler} failed`),
      onQueue('message:queued', ({ recipients }) => `queued for ${recipients.join(', ')}`),
      onQueue('attempt:started', ({ destination, attempt }) => `attempt ${attempt} at ${destination}`),
      onQueue('recipient:delivered', event => outcome('delivered', event)),
      onQueue(
        'recipient:deferred',
        event => `${outcome('deferred', event)}, again at ${time(event.retryAt)}`,
      ),
      onQueue('recipient:unknown', event => `${outcome('unknown', event)}, again at ${time(event.retryAt)}`),
      onQueue('recipient:failed', event => outcome(event.expired ? 'given up on' : 'failed', event)),
      onQueue('dsn:sent', ({ kind, to, dsnTraceId }) => `told ${to}: ${kind} (${dsnTraceId})`),
      onQueue('dsn:suppressed', ({ reason }) => `nobody told: ${reason}`),
    ]
  }

  /** What happened to a message, oldest first, with instants of the server's clock. */
  tell(traceId: string): string {
    const steps = this.#steps.get(traceId) ?? []
    return steps.map(({ at, text }) => `${time(at)}  ${text}`).join('\n')
  }

  /** Ends it. */
  stop(): void {
    for (const stop of this.#stops) stop()
  }

  #note(traceId: string, text: string): void {
    const steps = this.#steps.get(traceId) ?? []
    steps.push({ at: this.#now(), text: escapeControls(text) })
    this.#steps.set(traceId, steps)
    const [oldest] = this.#steps.keys()
    if (this.#steps.size > most && oldest !== undefined) this.#steps.delete(oldest)
  }
}

function arrived({ session, envelope, bytes }: Pick<Arrival, 'session' | 'envelope' | 'bytes'>): string {
  const to = envelope.recipients.map(({ address }) => address).join(', ')
  const by = session ? `from ${session.remoteAddress}` : 'from this host'
  return `arrived ${by}, ${bytes.length} octets: <${envelope.sender}> to ${to}`
}

function outcome(what: string, { recipient, attempt: { host, reply, reason } }: RecipientEvent): string {
  const where = host === undefined ? '' : ` by ${host}`
  return `${what} for ${recipient}${where}: ${reply ? describeReply(reply) : reason}`
}

function time(instant: number): string {
  return new Date(instant).toISOString()
}
