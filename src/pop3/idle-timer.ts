import type { Clock, Timer } from '../core/clock.js'

/** Watches for a client that does nothing. */
export interface IdleTimer {
  /** Something happened: begins to count anew. */
  touch(): void
  stop(): void
}

/**
 * Calls `onIdle` once nothing happened for `limit` milliseconds. A touch costs no timer: the one that runs looks
 * when the last one was.
 */
export function startIdleTimer(clock: Clock, limit: number, onIdle: () => void): IdleTimer {
  let last = clock.monotonic()
  let timer: Timer
  const check = () => {
    const rest = last + limit - clock.monotonic()
    if (rest > 0) timer = clock.schedule(rest, check)
    else onIdle()
  }
  timer = clock.schedule(limit, check)
  return {
    touch: () => {
      last = clock.monotonic()
    },
    stop: () => timer.cancel(),
  }
}
