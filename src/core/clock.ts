import type { Duration } from './duration.js'
import { formatDuration, toMilliseconds } from './duration.js'
import { MailError } from './error.js'

/**
 * Time, as every timer of the flow sees it. The system clock is the default; a test puts a
 * `VirtualClock` in its place and lets 30 hours pass in one `await`.
 */
export interface Clock {
  /** Epoch milliseconds. May jump: use {@link Clock.monotonic} to measure. */
  now(): number
  /** Milliseconds since some fixed moment, never going back. */
  monotonic(): number
  /**
   * Calls `action` once after `delay` milliseconds. The timer does not keep the process alive by itself.
   * A delay longer than a timer of the platform can hold (24.8 days) is honoured all the same.
   */
  schedule(delay: number, action: () => void): Timer
  /**
   * Tells the clock that `work` is under way: a virtual clock does not move on until it has settled or
   * come to a halt. Returns `work`. The system clock does nothing here.
   */
  track<T>(work: Promise<T>): Promise<T>
}

/** A pending call of {@link Clock.schedule}. */
export interface Timer {
  /** Takes the call back, if it was not made yet. */
  cancel(): void
}

const longestTimeout = 2_147_483_647

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule: scheduleOnSystem,
  track: work => work,
}

function scheduleOnSystem(delay: number, action: () => void): Timer {
  const end = performance.now() + delay
  let handle: NodeJS.Timeout
  const arm = (rest: number) => {
    const step = Math.min(Math.max(rest, 0), longestTimeout)
    handle = setTimeout(() => (step < rest ? arm(end - performance.now()) : action()), step)
    handle.unref()
  }
  arm(delay)
  return { cancel: () => clearTimeout(handle) }
}

/**
 * Waits for `delay` on `clock`.
 * @throws MailError `ABORTED` when `signal` is aborted first.
 */
export function sleep(clock: Clock, delay: Duration, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      timer.cancel()
      reject(new MailError('ABORTED', 'the wait was aborted', { temporary: true }))
    }
    const timer = clock.schedule(toMilliseconds(delay), () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}

/**
 * Settles as `work` does, or fails when it takes longer than `limit` on `clock`. The work itself goes on;
 * hand `signal` of an AbortController to it to end it.
 * @throws MailError `TIMEOUT`, temporary, naming `what`.
 */
export function withDeadline<T>(clock: Clock, limit: number, what: string, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(limit, () =>
      reject(
        new MailError('TIMEOUT', `${what} took longer than ${formatDuration(limit)}`, { temporary: true }),
      ),
    )
    work.then(resolve, reject).finally(() => timer.cancel())
  })
}
