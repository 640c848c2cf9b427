import type { DeliveryQueue } from '../../queue/delivery-queue.js'
import type { QueueEntry, QueueFilter } from '../../storage/queue-storage.js'
import type { WaitWorld } from './wait-world.js'

/**
 * A queue as waits and reports see it, and after its end what it had then: runners ask for a report when all is over.
 */
export class EndingQueue implements Pick<DeliveryQueue, keyof WaitWorld['queue']> {
  readonly on: DeliveryQueue['on']
  readonly idle: DeliveryQueue['idle']
  readonly #queue: DeliveryQueue
  #last: readonly QueueEntry[] | undefined

  constructor(queue: DeliveryQueue) {
    this.#queue = queue
    this.on = queue.on.bind(queue)
    this.idle = queue.idle.bind(queue)
  }

  get paused(): boolean {
    return this.#queue.paused
  }

  /** Of an ended queue all it had, in one page. */
  async list(filter?: QueueFilter): Promise<QueueEntry[]> {
    if (!this.#last) return this.#queue.list(filter)
    return filter?.after === undefined ? [...this.#last] : []
  }

  /** Keeps what the queue has now, before it is closed. */
  async end(): Promise<void> {
    this.#last = await this.#queue.list().catch(() => [])
  }
}
