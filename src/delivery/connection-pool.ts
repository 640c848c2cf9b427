import type { Clock, Timer } from '../core/clock.js'
import type { SmtpSession } from './smtp-client/smtp-session.js'

/** How long connections are kept. Durations in milliseconds. */
export interface PoolLimits {
  /** How long a connection waits for the next message; 0 keeps none. */
  readonly idle: number
  /** Messages sent over one connection. */
  readonly messages: number
  /** Since it was opened. */
  readonly age: number
  /** Idle connections to one host. */
  readonly perHost: number
  /** Idle connections in all. */
  readonly total: number
}

interface Kept {
  readonly key: string
  readonly pooled: PooledSession
  readonly timer: Timer
}

/** A session with the address it goes to. */
export interface PooledSession {
  readonly session: SmtpSession
  readonly address: string
  /** On the monotonic clock. */
  readonly openedAt: number
}

/** Keeps sessions between messages to one host, and closes those that broke, spoke out of turn or waited too long. */
export class ConnectionPool {
  readonly #clock: Clock
  readonly #limits: PoolLimits
  readonly #kept = new Map<string, Kept[]>()
  /** All of them, from the one that waits longest. */
  readonly #waiting = new Set<Kept>()
  #closed = false

  constructor(clock: Clock, limits: PoolLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** The session used last for `key`, which is then the caller's. */
  take(key: string): PooledSession | undefined {
    const kept = this.#kept.get(key)?.at(-1)
    if (!kept) return undefined
    this.#remove(kept)
    kept.pooled.session.wire.keepAlive(true)
    return kept.pooled
  }

  /** Keeps a session for the next message, instead of the one that waits longest where there are enough, or closes it. */
  give(key: string, pooled: PooledSession): void {
    const { wire } = pooled.session
    const { idle, age } = this.#limits
    const left = Math.min(idle, pooled.openedAt + age - this.#clock.monotonic())
    if (left <= 0 || !this.#hasUseFor(key, pooled.session)) {
      wire.quit()
      return
    }
    const discard = () => this.#discard(kept)
    const kept = { key, pooled, timer: this.#clock.schedule(left, discard) }
    wire.keepAlive(false)
    wire.watch(discard)
    const others = this.#kept.get(key)
    if (others) others.push(kept)
    else this.#kept.set(key, [kept])
    this.#waiting.add(kept)
    if (this.#waiting.size <= this.#limits.total) return
    const [longest = kept] = this.#waiting
    this.#discard(longest)
  }

  /** Closes every kept session, and from now on those that are given back. */
  close(): void {
    this.#closed = true
    for (const kept of this.#waiting) this.#discard(kept)
  }

  #hasUseFor(key: string, session: SmtpSession): boolean {
    const { messages, perHost } = this.#limits
    return (
      !this.#closed &&
      session.wire.idle &&
      session.transactions < messages &&
      (this.#kept.get(key)?.length ?? 0) < perHost
    )
  }

  #discard(kept: Kept): void {
    this.#remove(kept)
    kept.pooled.session.wire.quit()
  }

  #remove(kept: Kept): void {
    const group = this.#kept.get(kept.key)
    const index = group?.indexOf(kept) ?? -1
    if (!group || index === -1) return
    kept.timer.cancel()
    kept.pooled.session.wire.watch(undefined)
    group.splice(index, 1)
    if (group.length === 0) this.#kept.delete(kept.key)
    this.#waiting.delete(kept)
  }
}
