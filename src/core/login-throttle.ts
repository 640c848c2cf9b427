import { z } from 'zod'
import { type Clock, systemClock } from './clock.js'
import { clientBlock } from './connection-limits.js'
import type { Duration } from './duration.js'
import { durationSchema, lazy, parseOptions, shapeSchema } from './options.js'

/** Options of {@link createLoginThrottle}. */
export interface LoginThrottleOptions {
  /** Failed logins one client may have behind it before it is blocked. Default: 50. */
  failuresPerAddress?: number
  /** How long it takes until that many failures are forgotten; they fade one by one. Default: `'15m'`. */
  window?: Duration
  /** How long the answer to the first failed login of a connection is held back; doubles with each. Default: `'250ms'`. */
  delay?: Duration
  /** The longest that an answer is held back. Default: `'10s'`. */
  longestDelay?: Duration
  /** Default: the system clock. */
  clock?: Clock
}

/**
 * Makes guessing passwords slow: within one connection by holding back each refusal longer than the one before,
 * and across connections by blocking a client (an IPv4 address or an IPv6 /64) that failed too often. Several
 * servers of a host may share one.
 */
export interface LoginThrottle {
  /**
   * Begins a login from `address`, which counts as failed until it is told otherwise, so that attempts side by
   * side gain nothing. `undefined`: the client is blocked for now and must not even be asked for a password.
   */
  begin(address: string): LoginAttempt | undefined
  /** Milliseconds to hold back the refusal of the `failures`-th failed login of a connection. */
  delayAfter(failures: number): number
}

/** A login under way. */
export interface LoginAttempt {
  /** The login succeeded, or could not be decided: it does not count. A second call does nothing. */
  forgive(): void
}

const schema = lazy(() =>
  z.strictObject({
    failuresPerAddress: z.int().min(1).default(50),
    window: durationSchema.default(900_000),
    delay: durationSchema.default(250),
    longestDelay: durationSchema.default(10_000),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(systemClock),
  }),
)

/** Clients remembered; beyond that the one that failed longest ago is forgotten. */
const mostClients = 100_000

/** Creates a throttle of logins. @throws MailError `OPTION_INVALID`. */
export function createLoginThrottle(options: LoginThrottleOptions = {}): LoginThrottle {
  return new FadingFailures(parseOptions('createLoginThrottle', schema(), options))
}

/** Failures of one client as they stood at a moment. */
interface Failures {
  count: number
  at: number
}

class FadingFailures implements LoginThrottle {
  readonly #options: z.output<ReturnType<typeof schema>>
  /** In the order of the last failure. */
  readonly #clients = new Map<string, Failures>()

  constructor(options: z.output<ReturnType<typeof schema>>) {
    this.#options = options
  }

  begin(address: string): LoginAttempt | undefined {
    const client = clientBlock(address)
    const count = this.#count(client)
    if (count + 1 > this.#options.failuresPerAddress) return undefined
    this.#set(client, count + 1)
    let pending = true
    return {
      forgive: () => {
        if (pending) this.#set(client, this.#count(client) - 1)
        pending = false
      },
    }
  }

  delayAfter(failures: number): number {
    return Math.min(this.#options.delay * 2 ** Math.max(failures - 1, 0), this.#options.longestDelay)
  }

  #count(client: string): number {
    const known = this.#clients.get(client)
    if (!known) return 0
    const { failuresPerAddress, window, clock } = this.#options
    const faded = ((clock.monotonic() - known.at) / window) * failuresPerAddress
    return Math.max(known.count - faded, 0)
  }

  #set(client: string, count: number): void {
    this.#clients.delete(client)
    if (count <= 0) return
    this.#clients.set(client, { count, at: this.#options.clock.monotonic() })
    if (this.#clients.size <= mostClients) return
    for (const oldest of this.#clients.keys()) {
      this.#clients.delete(oldest)
      return
    }
  }
}
