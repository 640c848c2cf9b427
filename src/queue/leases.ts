import type { Timer } from '../core/clock.js'
import { MailError } from '../core/error.js'
import type { LeasedEntry, LeaseRef, SettleResult } from '../storage/queue-storage.js'
import { type QueueContext, reportError } from './queue-context.js'

/**
 * The leases of one attempt: renewed while it runs, and told apart into those still held and those lost, to another
 * process or to an operator who dropped the entry.
 */
export class Leases {
  readonly #context: QueueContext
  readonly #traceId: string
  readonly #held = new Map<string, string>()
  /** Entries whose settlement is under way. */
  readonly #settling = new Set<string>()
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

  /**
   * Settles leases by a call of storage, and takes note of what it says. A renewal that does not find them meanwhile says
   * nothing: they may be settled already. @throws what storage throws; MailError `DRIVER_CONTRACT`.
   */
  async settle(leases: readonly LeaseRef[], call: () => Promise<SettleResult>): Promise<SettleResult> {
    for (const { id } of leases) this.#settling.add(id)
    try {
      const result = await call()
      if (result.settled) await this.#settled(leases)
      else if (!this.#loseOf(leases, result.lost)) {
        const message = 'settle: got no lease of this settlement as lost, expected one'
        throw new MailError('DRIVER_CONTRACT', message, { temporary: true })
      }
      return result
    } finally {
      for (const { id } of leases) this.#settling.delete(id)
    }
  }

  /** Ends leases that were settled. One that was adopted in the meantime is given back. */
  async #settled(leases: readonly LeaseRef[]): Promise<void> {
    const adopted: LeaseRef[] = []
    for (const { id, token } of leases) {
      const current = this.get(id)
      if (current && current.token !== token) adopted.push(current)
      this.#held.delete(id)
    }
    if (adopted.length === 0) return
    try {
      await this.#context.settings.storage.queue.giveBack(adopted)
    } catch (thrown) {
      reportError(this.#context, 'giving leases back', thrown, this.#traceId)
    }
  }

  /**
   * Takes note of lost leases, by the ids that a call with `leases` named; one that is another by now stays. Whether any
   * of `leases` was named.
   */
  #loseOf(leases: readonly LeaseRef[], ids: readonly string[]): boolean {
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

  /** Lets go of all leases without a word; gives those that were held. */
  abandon(): LeaseRef[] {
    this.end()
    const leases = this.#refs()
    this.#held.clear()
    return leases
  }

  #refs(): LeaseRef[] {
    return Array.from(this.#held, ([id, token]) => ({ id, token }))
  }

  #arm(delay: number): void {
    const { clock } = this.#context.settings
    this.#timer = clock.schedule(delay, () => void clock.track(this.#renew()))
  }

  async #renew(): Promise<void> {
    const { clock, lease, storage } = this.#context.settings
    const leases = this.#refs()
    if (leases.length === 0) return
    let delay = lease / 3
    try {
      const lost = await storage.queue.renew(leases, clock.now() + lease)
      this.#loseOf(
        leases,
        lost.filter(id => !this.#settling.has(id)),
      )
    } catch (thrown) {
      reportError(this.#context, 'renewing leases', thrown, this.#traceId)
      delay = lease / 10
    }
    if (this.#timer) this.#arm(delay)
  }
}
