import type { AttemptRecord } from '../../storage/queue-storage.js'
import type { Attempt } from '../attempt.js'
import type { Outcome } from '../plan-dsn.js'
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

/**
 * For so long a failure stands for what a message would meet that has no later attempt. A message is dialled for before it
 * returns; where thousands do at once, their servers are dialled once in that time, and not thousands of times.
 */
const failureStands = 60_000

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
  /** Attempts under way, those that are put off included. */
  active = 0
  /** Those among them that its servers are dialled for; and those of them that began while it was put aside. */
  #dialled = 0
  #probes = 0
  #lastFailure: AttemptRecord | undefined
  #failedAt = Number.NEGATIVE_INFINITY
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

  /** What the last failure said. */
  get lastFailure(): AttemptRecord | undefined {
    return this.#lastFailure
  }

  failed(failure: AttemptRecord | undefined, now: number): void {
    this.#lastFailure = failure
    this.#failedAt = now
  }

  /** The failure that an attempt is put off for; `undefined` where it is to be made. */
  failureFor(attempt: Attempt, now: number): AttemptRecord | undefined {
    const failure = this.isSuspended(now) ? this.#lastFailure : undefined
    if (!failure || now - this.#failedAt < failureStands) return failure
    return attempt.isLast(failure) ? undefined : failure
  }

  /** Whether its servers may be dialled once more; one at a time while it is put aside. */
  mayDial(now: number): boolean {
    if (now < this.nextAt) return false
    if (!this.isSuspended(now)) return this.active < this.limit.limit
    return this.#probes === 0 && this.#dialled < this.limit.most
  }

  /** An attempt begins; answers what to call when it has ended. */
  start(now: number, dialled: boolean): () => void {
    const dials = Number(dialled)
    const probes = Number(dialled && this.isSuspended(now))
    this.active++
    this.#dialled += dials
    this.#probes += probes
    if (dialled) this.#rate?.note(now)
    return () => {
      this.active--
      this.#dialled -= dials
      this.#probes -= probes
    }
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

  /** Whether a lease may take `usual` of what goes there, as of a destination that nothing is known of. */
  isAtRest(now: number, usual: number): boolean {
    const { size } = this.destinations
    return this.isForgettable(now) && (size === 0 || (size === 1 && this.room(now) >= usual))
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

/**
 * What an attempt tells of the site: whether its servers spoke for the mail, perhaps to say that there is too much of it, or
 * failed before they could.
 */
export function readFeedback(outcomes: readonly Outcome[]): Feedback {
  const spoke = outcomes.some(
    ({ attempt: { status, scope } }) =>
      status === 'delivered' || scope === 'message' || scope === 'recipient',
  )
  if (spoke) return outcomes.some(({ fate }) => 'pace' in fate && fate.pace) ? 'slow-down' : 'success'
  const failed = outcomes.some(({ attempt: { status, scope } }) => scope === 'host' && status !== 'failed')
  return failed ? 'failure' : 'neutral'
}
