import { z } from 'zod'
import { type Clock, systemClock } from './clock.js'
import { DrivingClock } from './driving-clock.js'
import type { Duration } from './duration.js'
import { MailError } from './error.js'
import type { FakeTimers } from './fake-timers.js'
import { ManualClock } from './manual-clock.js'
import { lazy, parseOptions } from './options.js'
import { RunningClock } from './running-clock.js'

/** A clock that moves when it is told to. */
export interface VirtualClock extends Clock {
  /**
   * Lets time pass: runs every timer that falls due on the way, in order, and between two of them waits
   * for the work under way (sessions, deliveries, lookups) to come to rest. Resolves when all is quiet at
   * the new time.
   */
  advance(by: Duration): Promise<void>
  /** Like {@link VirtualClock.advance}, up to an epoch millisecond. Does nothing for one in the past. */
  advanceTo(instant: number): Promise<void>
  /** Waits until the work under way has settled or come to a halt, without moving time. */
  settled(): Promise<void>
  /** Moves `now()` without running timers, as when somebody sets the clock of the machine. */
  jump(by: number): void
  /** When the next timer is due, in epoch milliseconds, or `undefined`. */
  nextTimer(): number | undefined
}

/** Options of {@link createVirtualClock}. */
export interface VirtualClockOptions {
  /** Where the clock starts, in epoch milliseconds. Default: 2026-01-01T00:00:00Z. */
  start?: number
  /**
   * Whether it also goes by itself, as the machine's clock does, from `start` on: for servers that programs talk to which
   * know nothing of this clock. It stands still while it is told to move. Default: `false`.
   */
  runs?: boolean
  /**
   * Tracked work that waits for a peer (a server that says nothing) only ends by a timer. It counts as
   * halted when nothing on the clock moved for this many real milliseconds, in which this process could run. Default: 50.
   */
  haltAfter?: number
  /**
   * Fake timers of a test that move along: `vi` of Vitest, `jest`, `mock.timers` of `node:test`, or a clock of
   * `@sinonjs/fake-timers`. Their timers run on the way, up to a minute early. Both tell the same time from the start:
   * `start` is then `Date.now()`, which the test has faked. Not together with `runs`. Default: none.
   */
  fakeTimers?: FakeTimers
}

const virtualClockSchema = lazy(() =>
  z.strictObject({
    start: z.number().optional(),
    runs: z.boolean().default(false),
    haltAfter: z.number().min(0).default(50),
    fakeTimers: z
      .custom<FakeTimers>(isFakeTimers, {
        error: 'expected vi, jest, mock.timers or a clock of @sinonjs/fake-timers',
      })
      .optional(),
  }),
)

function isFakeTimers(value: unknown): boolean {
  const timers = Object(value) as Record<string, unknown>
  return typeof timers['advanceTimersByTime'] === 'function' || typeof timers['tick'] === 'function'
}

/**
 * Creates a clock that stands still until it is told to move. Every timer, deadline and instant of the parts
 * that were given it follows; sockets stay real.
 * Its `advance` and `settled` reject with `TIMERS_FAKED` where fake timers of a test keep sockets from coming to rest.
 * @throws MailError `OPTION_INVALID`.
 */
export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const { runs, haltAfter, fakeTimers, ...rest } = parseOptions(
    'createVirtualClock',
    virtualClockSchema(),
    options,
  )
  if (fakeTimers && runs) {
    throw new MailError(
      'OPTION_INVALID',
      'createVirtualClock: runs: a clock that moves fake timers cannot run by itself',
    )
  }
  if (fakeTimers) return new DrivingClock(rest.start ?? systemClock.now(), haltAfter, fakeTimers)
  const start = rest.start ?? Date.UTC(2026, 0, 1)
  return runs ? new RunningClock(start, haltAfter) : new ManualClock(start, haltAfter)
}
