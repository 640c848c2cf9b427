import type { Clock, Timer } from '../../core/clock.js'
import { describeError } from '../../core/error.js'
import type { Logger } from '../../core/logger.js'
import type { RecordStorage } from '../../storage/record-storage.js'
import type { TlsResult } from '../tls-policy/host-tls.js'
import { storeTally } from './stored-tallies.js'
import { TlsTally } from './tls-tally.js'

/** What {@link DayCounts} works with. */
export interface DayCountsContext {
  readonly clock: Clock
  readonly logger: Logger
  readonly records: RecordStorage
}

export const oneDay = 86_400_000
/** How much is lost when the process dies. */
const storedEvery = 60_000

/** The day of an instant: its first millisecond (UTC). */
export function dayOf(instant: number): number {
  return Math.floor(instant / oneDay) * oneDay
}

/** Counts results by day, and adds what came together to the counts in the storage once a minute. */
export class DayCounts {
  readonly #context: DayCountsContext
  readonly #days = new Map<number, TlsTally>()
  #timer: Timer | undefined

  constructor(context: DayCountsContext) {
    this.#context = context
  }

  add(result: TlsResult): void {
    const { clock } = this.#context
    const today = dayOf(clock.now())
    const tally = this.#days.get(today) ?? new TlsTally()
    this.#days.set(today, tally)
    tally.add(result)
    this.#timer ??= clock.schedule(storedEvery, () => void clock.track(this.store()))
  }

  /** Stores what was counted; never rejects. */
  async store(): Promise<void> {
    const { clock, logger, records } = this.#context
    this.#timer?.cancel()
    this.#timer = undefined
    try {
      for (const [day, tally] of this.#days) {
        await storeTally(records, day, tally)
        if (day !== dayOf(clock.now())) this.#days.delete(day)
      }
    } catch (error) {
      // What comes next takes it along.
      logger.warn({ error: describeError(error) }, 'counts for TLS reports were not stored')
    }
  }
}
