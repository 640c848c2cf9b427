import type { Timer } from '../core/clock.js'
import { MailError } from '../core/error.js'
import { DrainSet } from '../core/lifecycle.js'
import type { LeasedEntry } from '../storage/queue-storage.js'
import { Attempt } from './attempt.js'
import { groupEntries } from './group-entries.js'
import { type QueueContext, reportError } from './queue-context.js'

/**
 * How long the scheduler sleeps at most while anything waits: entries are due at instants, and the clock they are
 * measured by may be set while a timer runs.
 */
const longestSleep = 10 * 60_000
/** Waits after a storage that failed. */
const firstBackoff = 1_000
const longestBackoff = 60_000

/**
 * Leases what is due, within the limits of concurrency, and starts its attempts. One pass runs at a time; whatever
 * happens meanwhile calls for another. Nothing is kept in memory but the attempts under way.
 */
export class Scheduler {
  readonly #context: QueueContext
  readonly #attempts = new DrainSet<Attempt>()
  readonly #perDestination = new Map<string, number>()
  readonly #underWay = new Map<string, Attempt>()
  readonly #idle = new Set<() => void>()
  #state: 'new' | 'started' | 'stopped' = 'new'
  #paused = false
  #passing: Promise<void> | undefined
  #again = false
  #timer: Timer | undefined
  #failures = 0
  #unsubscribe = () => {}

  constructor(context: QueueContext) {
    this.#context = context
  }

  /** The attempts under way. */
  get attempts(): DrainSet<Attempt> {
    return this.#attempts
  }

  get paused(): boolean {
    return this.#paused
  }

  set paused(paused: boolean) {
    this.#paused = paused
    this.wake()
  }

  start(): void {
    if (this.#state !== 'new') return
    this.#unsubscribe = this.#context.settings.storage.subscribe(change => {
      if (change.kind === 'queue') this.wake()
    })
    this.#state = 'started'
    this.wake()
  }

  /** Begins no further attempts; those under way go on. Resolves when nothing is being leased any more. */
  async stop(): Promise<void> {
    this.#state = 'stopped'
    this.#unsubscribe()
    this.#timer?.cancel()
    await this.#passing
  }

  /** Lets go of the attempts that do not end. */
  abandon(): void {
    for (const attempt of [...this.#attempts]) {
      attempt.abandon()
      this.#attempts.delete(attempt)
    }
    this.#reportIdle()
  }

  /** Calls back once nothing is due and no attempt is under way, or the scheduler was stopped and its attempts are over. */
  whenIdle(callback: () => void): void {
    this.#idle.add(callback)
    this.wake()
  }

  /** Looks at the queue soon. */
  wake(): void {
    if (this.#state !== 'started' && this.#idle.size === 0) return
    this.#again = true
    if (!this.#passing) this.#passing = this.#context.settings.clock.track(this.#passes())
  }

  async #passes(): Promise<void> {
    // What happens in the same turn is one reason to look, not many.
    await Promise.resolve()
    while (this.#again) {
      this.#again = false
      this.#timer?.cancel()
      try {
        await this.#pass()
        this.#failures = 0
      } catch (thrown) {
        this.#fail(thrown)
      }
    }
    this.#passing = undefined
  }

  async #pass(): Promise<void> {
    await this.#leaseDue()
    const next = this.#state === 'stopped' ? undefined : await this.#context.settings.storage.queue.nextDue()
    if (this.#again) return
    const due = next !== undefined && next <= this.#context.settings.clock.now()
    if (!due && this.#attempts.isEmpty()) this.#reportIdle()
    if (next !== undefined && this.#leasing) this.#sleep(next)
  }

  get #leasing(): boolean {
    return this.#state === 'started' && !this.#paused
  }

  async #leaseDue(): Promise<void> {
    const { clock, lease, storage } = this.#context.settings
    for (let request = this.#request(); request; request = this.#request()) {
      const now = clock.now()
      const entries = checkLeased(await storage.queue.lease({ ...request, now, expiresAt: now + lease }))
      if (entries.length === 0) return
      if (this.#state === 'stopped') return storage.queue.giveBack(entries)
      this.#begin(entries)
    }
  }

  /** What may be leased now, or `undefined` when the limits are reached. */
  #request() {
    const { total, perDestination } = this.#context.settings.concurrency
    const limit = total - this.#attempts.size
    if (limit <= 0 || !this.#leasing) return undefined
    const except = new Set<string>()
    let busiest = 0
    for (const [destination, count] of this.#perDestination) {
      if (count >= perDestination) except.add(destination)
      else busiest = Math.max(busiest, count)
    }
    return { limit, except, perDestination: perDestination - busiest }
  }

  #begin(entries: readonly LeasedEntry[]): void {
    const fresh = entries.filter(entry => !this.#underWay.get(entry.id)?.adopt(entry))
    for (const transaction of groupEntries(fresh)) {
      const attempt = new Attempt(this.#context, transaction)
      this.#attempts.add(attempt)
      this.#count(attempt.destination, 1)
      for (const { id } of transaction) this.#underWay.set(id, attempt)
      void this.#context.settings.clock.track(attempt.run().then(() => this.#end(attempt)))
    }
  }

  #end(attempt: Attempt): void {
    for (const { id } of attempt.entries) if (this.#underWay.get(id) === attempt) this.#underWay.delete(id)
    this.#count(attempt.destination, -1)
    this.#attempts.delete(attempt)
    this.wake()
  }

  #count(destination: string, by: 1 | -1): void {
    const count = (this.#perDestination.get(destination) ?? 0) + by
    if (count > 0) this.#perDestination.set(destination, count)
    else this.#perDestination.delete(destination)
  }

  /** What is due and not leased waits for an attempt to end, if there is one. */
  #sleep(next: number): void {
    const { clock } = this.#context.settings
    const rest = next - clock.now()
    const delay =
      rest > 0 ? Math.min(rest, longestSleep) : this.#attempts.isEmpty() ? firstBackoff : longestSleep
    this.#timer = clock.schedule(delay, () => this.wake())
  }

  #fail(thrown: unknown): void {
    if (this.#state === 'stopped') {
      this.#reportIdle()
      return
    }
    reportError(this.#context, 'looking for due entries', thrown)
    const delay = Math.min(firstBackoff * 2 ** this.#failures++, longestBackoff)
    if (this.#again) return
    this.#timer = this.#context.settings.clock.schedule(delay, () => this.wake())
  }

  #reportIdle(): void {
    const callbacks = [...this.#idle]
    this.#idle.clear()
    for (const callback of callbacks) callback()
  }
}

function checkLeased(entries: LeasedEntry[]): LeasedEntry[] {
  if (Array.isArray(entries)) return entries
  throw new MailError('DRIVER_CONTRACT', `storage: lease: got ${typeof entries}, expected a list of entries`)
}
