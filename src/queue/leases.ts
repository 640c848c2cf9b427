import type { Timer } from '../core/clock.js'
import type { LeasedEntry, LeaseRef } from '../storage/queue-storage.js'
import { type QueueContext, reportError } from './queue-context.js'

/**
 * The leases of one attempt: renewed while it runs, and told apart into those still held and those lost, to another
 * process or to an operator who dropped the entry.
 */
export class Leases {
  readonly #context: QueueContext
  readonly #traceId: string
  readonly #held = new Map<string, string>()
  #timer: Timer | undefined
  /** Called once, when the last lease is lost. */
  onAllLost: () => void = () => {}

  constructor(context: QueueContext, entries: readonly [LeasedEntry, ...LeasedEntry[]]) {
    this.#context = context
    this.#traceId = entries[0].traceId
    for (const { id, token } of entries) this.#held.set(id, token)
    this.#arm(context.settings.lease / 3)
  }

  /** The lease on an entry, or `undefined` when it is not held (any more). */
  get(id: string): LeaseRef | undefined {
    const token = this.#held.get(id)
    return token === undefined ? undefined : { id, token }
  }

  /**
   * Takes over a lease that this process got anew on an entry whose attempt is still under way: the clock jumped, or
   * the process stood still, beyond the end of the lease. `false` when the entry is not held.
   */
  adopt({ id, token }: LeaseRef): boolean {
    if (!this.#held.has(id)) return false
    this.#held.set(id, token)
    return true
  }

  /** Ends leases that were settled. One that was adopted in the meantime is given back. */
  async settled(leases: readonly LeaseRef[]): Promise<void> {
    const adopted: LeaseRef[] = []
    for (const { id, token } of leases) {
      const current = this.get(id)
      if (current && current.token !== token) adopted.push(current)
      this.#held.delete(id)
    }
    if (adopted.length > 0) await this.#context.settings.storage.queue.giveBack(adopted)
  }

  /**
   * Takes note of lost leases, by the ids that a call with `leases` named; one that is another by now stays. Resolves
   * to whether any of `leases` was named.
   */
  lose(leases: readonly LeaseRef[], ids: readonly string[]): boolean {
    const used = new Map(leases.map(({ id, token }) => [id, token]))
    const named = ids.filter(id => used.has(id))
    this.#lose(named.filter(id => this.#held.get(id) === used.get(id)))
    return named.length > 0
  }

  #lose(lost: readonly string[]): void {
    if (lost.length === 0) return
    for (const id of lost) this.#held.delete(id)
    const traceId = this.#traceId
    this.#context.logger.warn({ traceId, entries: lost }, 'leases were lost in the middle of a delivery')
    this.#context.events.emit('lease:lost', { traceId, entries: lost })
    if (this.#held.size === 0) this.onAllLost()
  }

  /** Renews no more; what is still held runs out. */
  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Lets go of all leases without a word. */
  abandon(): void {
    this.end()
    this.#held.clear()
  }

  #arm(delay: number): void {
    const { clock } = this.#context.settings
    this.#timer = clock.schedule(delay, () => void clock.track(this.#renew()))
  }

  async #renew(): Promise<void> {
    const { clock, lease, storage } = this.#context.settings
    const leases = [...this.#held].map(([id, token]) => ({ id, token }))
    if (leases.length === 0) return
    let delay = lease / 3
    try {
      this.lose(leases, await storage.queue.renew(leases, clock.now() + lease))
    } catch (thrown) {
      reportError(this.#context, 'renewing leases', thrown, this.#traceId)
      delay = lease / 10
    }
    if (this.#timer) this.#arm(delay)
  }
}
