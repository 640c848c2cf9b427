import type { Clock, Timer } from '../core/clock.js'
import { MailError } from '../core/error.js'
import { type Drain, type DrainSet, endsWithin, waitUntilEmpty } from '../core/lifecycle.js'
import type { LeasedEntry } from '../storage/queue-storage.js'
import type { Attempt } from './attempt.js'
import { type QueueContext, reportError } from './queue-context.js'
import { type LeaseTerms, Lineup } from './sites/lineup.js'
import type { Site } from './sites/site.js'

/**
 * How long the scheduler sleeps at most while anything waits: entries are due at instants, and the clock they are
 * measured by may be set while a timer runs.
 */
const longestSleep = 10 * 60_000
/** Waits after a storage that failed. */
const firstBackoff = 1_000
const longestBackoff = 60_000
const unknown = Number.NEGATIVE_INFINITY

/**
 * Leases what is due, within the limits of concurrency, and hands it to the line-up. One pass runs at a time; whatever
 * happens meanwhile calls for another. Nothing is kept in memory but the attempts under way, and as many more that wait
 * for their turn.
 */
export class Scheduler {
  readonly #context: QueueContext
  readonly #lineup: Lineup
  readonly #idle = new Set<() => void>()
  #state: 'new' | 'started' | 'stopped' = 'new'
  #paused = false
  #passing: Promise<void> | undefined
  #again = false
  /** When something is due next, as far as that is known; in the past where it is not. */
  #next = unknown
  #timer: Timer | undefined
  #failures = 0
  #unsubscribe = () => {}

  constructor(context: QueueContext) {
    this.#context = context
    this.#lineup = new Lineup(context, () => this.#callPass())
  }

  /** The attempts under way. */
  get attempts(): DrainSet<Attempt> {
    return this.#lineup.attempts
  }

  /** What is leased: attempts, and leases to be given back. */
  get held(): Drain {
    return this.#lineup.held
  }

  get sites(): Iterable<Site> {
    return this.#lineup.sites.all()
  }

  /** The name of the site of a destination, as far as it can be told. */
  siteOf(destination: string): Promise<string> {
    return this.#lineup.sites.nameOf(destination)
  }

  get paused(): boolean {
    return this.#paused
  }

  set paused(paused: boolean) {
    this.#paused = paused
    this.#lineup.accepting = this.#leasing
    this.wake()
  }

  start(): void {
    if (this.#state !== 'new') return
    this.#unsubscribe = this.#context.settings.storage.subscribe(change => {
      if (change.kind === 'queue') this.#heed(change.dueAt)
    })
    this.#state = 'started'
    this.#lineup.accepting = this.#leasing
    this.wake()
  }

  /**
   * Waits until nothing is leased any more, `grace` milliseconds at most: no attempt is under way and no lease is to be
   * given back. Resolves to whether that is so. To be paused or stopped before.
   */
  async drain(clock: Clock, grace: number): Promise<boolean> {
    const end = clock.monotonic() + grace
    const passed = !this.#passing || (await endsWithin(clock, grace, this.#passing))
    return passed && waitUntilEmpty(clock, Math.max(0, end - clock.monotonic()), this.#lineup.held)
  }

  /** Begins no further attempts; those under way go on. */
  stop(): void {
    this.#state = 'stopped'
    this.#unsubscribe()
    this.#timer?.cancel()
    this.#lineup.close()
  }

  /** Lets go of the attempts that do not end. */
  abandon(): void {
    this.#lineup.abandon()
    this.#reportIdle()
  }

  /** Calls back once nothing is due and no attempt is under way, or the scheduler was stopped and its attempts are over. */
  whenIdle(callback: () => void): void {
    this.#idle.add(callback)
    this.wake()
  }

  /** Looks at the queue soon. */
  wake(): void {
    this.#next = unknown
    this.#callPass()
  }

  /** Entries wait anew. Most are to be tried later, as their attempts failed: nothing need be looked at before. */
  #heed(dueAt = unknown): void {
    if (dueAt <= this.#context.settings.clock.now()) this.wake()
    else if (dueAt < this.#next) {
      this.#next = dueAt
      this.#sleep()
    }
  }

  #callPass(): void {
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
    if (this.#isDue) {
      await this.#leaseDue()
      await this.#askNext()
    }
    if (this.#again) return
    if (!this.#isDue && this.#lineup.held.isEmpty()) this.#reportIdle()
    this.#sleep()
  }

  /** Whether anything may be due. */
  get #isDue(): boolean {
    return this.#state !== 'stopped' && this.#next <= this.#context.settings.clock.now()
  }

  async #askNext(): Promise<void> {
    if (this.#state === 'stopped') return
    // What is told meanwhile counts.
    this.#next = Number.POSITIVE_INFINITY
    const next = await this.#context.settings.storage.queue.nextDue()
    this.#next = Math.min(this.#next, next ?? Number.POSITIVE_INFINITY)
  }

  get #leasing(): boolean {
    return this.#state === 'started' && !this.#paused
  }

  async #leaseDue(): Promise<void> {
    for (;;) {
      const terms = this.#leasing ? this.#lineup.terms() : undefined
      if (!terms) return
      const fair = this.#lineup.fairTerms(terms)
      let entries = fair ? await this.#lease(fair) : []
      if (entries.length === 0 && terms.limit > 0) entries = await this.#lease(terms)
      if (entries.length === 0) return this.#lineup.exhausted(terms)
      if (!this.#leasing) return this.#context.settings.storage.queue.giveBack(entries)
      this.#lineup.take(entries)
    }
  }

  async #lease(terms: LeaseTerms): Promise<LeasedEntry[]> {
    const { clock, lease, storage } = this.#context.settings
    const now = clock.now()
    return checkLeased(await storage.queue.lease({ ...terms, now, expiresAt: now + lease }))
  }

  /** What is due and not leased waits for an attempt to end, if there is one. */
  #sleep(): void {
    if (!this.#leasing || this.#next === Number.POSITIVE_INFINITY) return
    const rest = this.#next - this.#context.settings.clock.now()
    if (rest > 0) this.#wakeIn(Math.min(rest, longestSleep))
    else this.#wakeIn(this.#lineup.held.isEmpty() ? firstBackoff : longestSleep)
  }

  #wakeIn(delay: number): void {
    this.#timer?.cancel()
    this.#timer = this.#context.settings.clock.schedule(delay, () => this.wake())
  }

  #fail(thrown: unknown): void {
    if (this.#state === 'stopped') {
      this.#reportIdle()
      return
    }
    reportError(this.#context, 'looking for due entries', thrown)
    this.#next = unknown
    const delay = Math.min(firstBackoff * 2 ** this.#failures++, longestBackoff)
    if (!this.#again) this.#wakeIn(delay)
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
