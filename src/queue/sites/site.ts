import type { AttemptRecord } from '../../storage/queue-storage.js'
import type { Attempt } from '../attempt.js'
import { AdaptiveLimit, type Feedback, type LimitBounds } from './adaptive-limit.js'
import { type RateLimit, RateWindow } from './rate-window.js'
import type { Sender } from './senders.js'

/** A leased attempt, and whose mail it is. */
export interface Turn {
  readonly attempt: Attempt
  readonly sender: Sender
}

/** Put off at once: what is due while a site is put aside need not be dialled. */
const mostPutOff = 50

/** What a site allows at most. */
export interface SiteBounds extends LimitBounds {
  readonly rate?: RateLimit
}

/** Destinations that the same servers take mail for, with what is under way there. Instants are on the monotonic clock. */
export class Site {
  readonly name: string
  readonly destinations = new Set<string>()
  /** Leased, and waiting for their turn. */
  readonly ready: Turn[] = []
  readonly limit: AdaptiveLimit
  readonly #rate: RateWindow | undefined
  /** Attempts under way. */
  active = 0
  /** What the last failure said. */
  lastFailure: AttemptRecord | undefined
  /** Whether more may be due than was leased. */
  wantsMore = false

  constructor(name: string, { rate, ...bounds }: SiteBounds) {
    this.name = name
    this.limit = new AdaptiveLimit(bounds)
    this.#rate = rate && new RateWindow(rate)
  }

  isSuspended(now: number): boolean {
    return now < this.limit.suspendedUntil
  }

  /** From when on its rate allows another message; in the past where it does now. */
  get nextAt(): number {
    return this.#rate?.nextAt ?? Number.NEGATIVE_INFINITY
  }

  mayStart(now: number): boolean {
    return this.isSuspended(now) || (this.active < this.limit.limit && now >= this.nextAt)
  }

  start(now: number): void {
    this.active++
    if (!this.isSuspended(now)) this.#rate?.note(now)
  }

  /**
   * How many more transactions may be leased for it: as many again wait in memory as are under way, so that none waits
   * for storage. Where there is a rate, or a probe, none waits.
   */
  room(now: number): number {
    if (this.isSuspended(now)) return Math.max(0, mostPutOff - this.active - this.ready.length)
    if (now < this.nextAt) return 0
    const waiting = this.#rate || this.limit.failing ? 0 : this.limit.limit
    return Math.max(0, this.limit.limit + waiting - this.active - this.ready.length)
  }

  /** Whether nothing would be lost with it; that it failed is remembered for as long as it is put aside. */
  isForgettable(now: number): boolean {
    return (
      this.active === 0 &&
      this.ready.length === 0 &&
      !this.isSuspended(now) &&
      this.#rate?.isSpent(now) !== false
    )
  }
}

/** What the records of an attempt tell of the site: whether its servers spoke for the mail, or failed before they could. */
export function readFeedback(records: readonly AttemptRecord[]): Feedback {
  if (
    records.some(
      ({ status, scope }) => status === 'delivered' || scope === 'message' || scope === 'recipient',
    )
  ) {
    return 'success'
  }
  const failed = records.some(({ status, scope }) => scope === 'host' && status !== 'failed')
  return failed ? 'failure' : 'neutral'
}
