import { systemClock } from '../core/clock.js'
import { toMilliseconds } from '../core/duration.js'
import { MailError } from '../core/error.js'
import { MailEvents } from '../core/events.js'
import { type CloseOptions, endsWithin, waitUntilEmpty } from '../core/lifecycle.js'
import { guardLogger } from '../core/logger.js'
import { parseOptions } from '../core/options.js'
import { newTraceId } from '../core/trace.js'
import type { Srs, Verp } from '../return-path/return-path.js'
import type { Router } from '../routing/router.js'
import type { QueueCounts, QueueEntry, QueueFilter } from '../storage/queue-storage.js'
import type { AcceptBatch, AcceptResult, Storage } from '../storage/storage.js'
import { announceQueued } from './announce.js'
import type { Arrival } from './arrival.js'
import { acceptWith, announceConfirmations, planConfirmations } from './confirm.js'
import type { DeliveryQueue } from './delivery-queue.js'
import type { DeliveryQueueEvents } from './events.js'
import { createOperations, type Ids, type Operations } from './operate.js'
import { type EndedRecipient, findEnded, type HistoryFilter } from './operation/ended-recipients.js'
import { announceHeld, holdByRules } from './operation/hold-rules.js'
import { describeSites, type SiteStatus } from './operation/site-status.js'
import {
  gatherStatistics,
  type QueueStatistics,
  type StatisticsOptions,
  statisticsSchema,
} from './operation/statistics.js'
import { suppressHardBounces } from './operation/suppress.js'
import type { DeliveryQueueSettings } from './options.js'
import type { OutgoingMessage, SentMessage } from './outgoing-message.js'
import { callStorage, type QueueContext, reportError } from './queue-context.js'
import { readBounces } from './read-bounce.js'
import { Scheduler } from './scheduler.js'
import { sendMessage } from './send.js'
import { signBatch } from './sign-message.js'

/** Real milliseconds that drivers get to end after they were told to, whatever the clock of the queue does. */
const lastGrace = 2_000

/** The queue over a storage and a transport. It is itself the emitter that its parts share. */
export class StoredQueue extends MailEvents<DeliveryQueueEvents> implements DeliveryQueue {
  readonly storage: Storage
  readonly hostname: string
  readonly #context: QueueContext & { router: Router | undefined }
  readonly #scheduler: Scheduler
  readonly #operations: Operations
  readonly #closeDrivers: () => Promise<void>
  #closing: Promise<void> | undefined

  constructor(settings: DeliveryQueueSettings, closeDrivers: () => Promise<void>) {
    const logger = guardLogger(settings.logger)
    super(logger)
    this.storage = settings.storage
    this.hostname = settings.hostname
    this.#closeDrivers = closeDrivers
    const { router } = settings
    this.#context = { settings, events: this, logger, traceId: newTraceId(), router }
    this.#scheduler = new Scheduler(this.#context)
    this.#operations = createOperations(this.#context)
    suppressHardBounces(this.#context)
  }

  get router(): Router | undefined {
    return this.#context.router
  }

  get verp(): Verp | undefined {
    return this.#context.settings.verp
  }

  get srs(): Srs | undefined {
    return this.#context.settings.srs
  }

  useRouter(router: Router): void {
    this.#context.router = router
  }

  async start(): Promise<void> {
    this.#assertOpen()
    await callStorage('start', async () => this.#scheduler.start())
  }

  pause(): void {
    this.#scheduler.paused = true
  }

  resume(): void {
    this.#scheduler.paused = false
  }

  get paused(): boolean {
    return this.#scheduler.paused
  }

  async accept(batch: AcceptBatch, arrival?: Arrival): Promise<AcceptResult> {
    this.#assertOpen()
    const bounces = arrival ? await readBounces(this.#context, batch, arrival) : []
    const stored = arrival ? await signBatch(this.#context, batch, arrival) : batch
    const confirmations = arrival ? await planConfirmations(this.#context, arrival, batch) : []
    const held = holdByRules(this.#context, stored)
    const [accepted, ...told] = await callStorage('accept', () =>
      acceptWith(this.storage, held, confirmations),
    )
    announceQueued(this.#context, batch, accepted)
    announceHeld(this.#context, held, accepted.entries)
    announceConfirmations(this.#context, confirmations, told)
    for (const bounce of bounces) this.emit('bounce:received', bounce)
    if ([accepted, ...told].some(({ entries }) => entries.length > 0)) this.#scheduler.wake()
    return accepted
  }

  async send(message: OutgoingMessage): Promise<SentMessage> {
    this.#assertOpen()
    return sendMessage(this.#context, message, this)
  }

  list(filter?: QueueFilter): Promise<QueueEntry[]> {
    return callStorage('list', () => this.storage.queue.list(filter))
  }

  async get(id: string): Promise<QueueEntry> {
    const entry = await callStorage('get', () => this.storage.queue.get(id))
    if (entry) return entry
    throw new MailError('NO_SUCH_ENTRY', `get: the queue has no entry ${JSON.stringify(id)}`)
  }

  history(filter: HistoryFilter = {}): Promise<EndedRecipient[]> {
    const { clock } = this.#context.settings
    return callStorage('history', () => findEnded(this.storage, filter, clock.now()))
  }

  counts(): Promise<QueueCounts> {
    return callStorage('counts', () => this.storage.queue.counts())
  }

  hold(ids: Ids): Promise<string[]> {
    return this.#operations.hold(ids)
  }

  async release(ids: Ids): Promise<string[]> {
    const concerned = await this.#operations.release(ids)
    this.#scheduler.wake()
    return concerned
  }

  async retryNow(ids: Ids): Promise<string[]> {
    const concerned = await this.#operations.retryNow(ids)
    this.#scheduler.wake()
    return concerned
  }

  drop(ids: Ids): Promise<string[]> {
    return this.#operations.drop(ids)
  }

  async statistics(options: StatisticsOptions = {}): Promise<QueueStatistics> {
    const { clock } = this.#context.settings
    const { destinations } = parseOptions('statistics', statisticsSchema(), options)
    const siteOf = (destination: string) => this.#scheduler.siteOf(destination)
    return callStorage('statistics', () => gatherStatistics(this.storage, clock.now(), destinations, siteOf))
  }

  sites(): SiteStatus[] {
    return describeSites(this.#scheduler.sites, this.#context.settings.clock)
  }

  async drain(options: CloseOptions = {}): Promise<boolean> {
    const { clock, closeTimeout } = this.#context.settings
    const grace = options.grace === undefined ? closeTimeout : toMilliseconds(options.grace, 'drain: grace')
    this.pause()
    return this.#scheduler.drain(clock, grace)
  }

  idle(): Promise<void> {
    return new Promise(resolve => this.#scheduler.whenIdle(resolve))
  }

  async close(options: CloseOptions = {}): Promise<void> {
    const { clock, closeTimeout } = this.#context.settings
    const grace = options.grace === undefined ? closeTimeout : toMilliseconds(options.grace, 'close: grace')
    this.#closing ??= clock.track(this.#close(grace))
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(grace: number): Promise<void> {
    this.#scheduler.stop()
    if (grace > 0) await waitUntilEmpty(this.#context.settings.clock, grace, this.#scheduler.held)
    for (const attempt of this.#scheduler.attempts) attempt.abort()
    await this.#scheduler.drain(systemClock, lastGrace)
    this.#scheduler.abandon()
    await endsWithin(systemClock, lastGrace, this.#tryCloseDrivers())
  }

  async #tryCloseDrivers(): Promise<void> {
    try {
      await this.#closeDrivers()
    } catch (thrown) {
      reportError(this.#context, 'closing', thrown)
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw new MailError('CLOSED', 'the delivery queue is closed')
  }
}
