import type { Events } from '../core/events.js'
import type { Closable, CloseOptions } from '../core/lifecycle.js'
import type { Srs, Verp } from '../return-path/return-path.js'
import type { Router } from '../routing/router.js'
import type { QueueCounts, QueueEntry, QueueFilter } from '../storage/queue-storage.js'
import type { AcceptBatch, AcceptResult, Storage } from '../storage/storage.js'
import type { Arrival } from './arrival.js'
import type { DeliveryQueueEvents } from './events.js'
import type { EndedRecipient, HistoryFilter } from './operation/ended-recipients.js'
import type { SiteStatus } from './operation/site-status.js'
import type { QueueStatistics, StatisticsOptions } from './operation/statistics.js'
import type { OutgoingMessage, SentMessage } from './outgoing-message.js'

/** Outgoing mail: kept, delivered, retried, returned. Made by `createDeliveryQueue`. */
export interface DeliveryQueue extends Closable, Events<DeliveryQueueEvents> {
  /** What the queue keeps its entries in; the store of the same host shares it. */
  readonly storage: Storage
  readonly hostname: string
  /**
   * Begins to deliver. A second call does nothing. `createSmtpServer(…).listen()` calls it for its queue.
   * @throws MailError `CLOSED`.
   */
  start(): Promise<void>
  /** Begins no further attempts until {@link DeliveryQueue.resume}; those under way go on. */
  pause(): void
  /** Ends {@link DeliveryQueue.pause}. */
  resume(): void
  readonly paused: boolean
  /**
   * Tells the queue which recipients are local, so that bounces and messages of {@link DeliveryQueue.send} for them
   * go straight into the store. `createSmtpServer` calls it with its own router unless one was set.
   */
  useRouter(router: Router): void
  readonly router: Router | undefined
  /** The signed return addresses that mail leaves with, for the router to know them. */
  readonly verp: Verp | undefined
  /** The rewriting of foreign senders, for the router to reverse it. */
  readonly srs: Srs | undefined
  /**
   * Stores a batch and wakes the queue for the entries in it; what the SMTP server calls once it has the whole message.
   * Emits `message:queued` after the commit, and `bounce:received` where `arrival` says that it is a bounce. A sender who
   * asked to hear of mail that is kept here is told in the same commit (`arrival.routes`).
   */
  accept(batch: AcceptBatch, arrival?: Arrival): Promise<AcceptResult>
  /**
   * Sends a message of the app: composes it, or takes it as raw bytes. Resolves once it is stored.
   * @throws MailError `MESSAGE_INVALID`, `ADDRESS_INVALID`, `RELAY_DENIED` (an unknown local recipient).
   */
  send(message: OutgoingMessage): Promise<SentMessage>
  /** Entries by id. */
  list(filter?: QueueFilter): Promise<QueueEntry[]>
  /** @throws MailError `NO_SUCH_ENTRY`. */
  get(id: string): Promise<QueueEntry>
  /**
   * Recipients whose entries left the queue, delivered, bounced or dropped, with every attempt, in the order they were
   * queued. Kept for as long as the option `history` says; without it there are none.
   */
  history(filter?: HistoryFilter): Promise<EndedRecipient[]>
  /** Entries by state. */
  counts(): Promise<QueueCounts>
  /** Keeps entries from being attempted until released. Resolves to the ids that exist. */
  hold(ids: string | readonly string[]): Promise<string[]>
  /** Makes held and dead entries wait for delivery again, due at once. */
  release(ids: string | readonly string[]): Promise<string[]>
  /** Makes waiting entries due at once. */
  retryNow(ids: string | readonly string[]): Promise<string[]>
  /** Removes entries without telling their senders. */
  drop(ids: string | readonly string[]): Promise<string[]>
  /**
   * What the queue holds: by state, age, destination and site, the 100 busiest destinations unless told otherwise, whose
   * sites the transport is asked for where they are not known. Reads the whole queue, a page at a time;
   * {@link DeliveryQueue.counts} is cheaper.
   * @throws MailError `OPTION_INVALID`.
   */
  statistics(options?: StatisticsOptions): Promise<QueueStatistics>
  /**
   * The sites that this process delivered to lately: what is under way, how much they are given at once, and which are
   * put aside. Those with most under way first.
   */
  sites(): SiteStatus[]
  /**
   * Pauses, and waits for the attempts under way to end and for other leases to be given back, `grace` at most (default:
   * `closeTimeout`). Resolves to whether nothing is leased by this process any more. The queue goes on accepting; {@link DeliveryQueue.resume} lets it deliver again.
   */
  drain(options?: CloseOptions): Promise<boolean>
  /** Resolves when nothing is due and no attempt is under way. */
  idle(): Promise<void>
}
