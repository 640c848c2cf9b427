import { randomInt } from 'node:crypto'
import { z } from 'zod'
import { functionSchema, lazy, shapeSchema } from '../../core/options.js'
import type { VirtualClock } from '../../core/virtual-clock.js'
import { createVirtualClock } from '../../core/virtual-clock.js'

/** Options of `createTestInternet`. */
export interface TestInternetOptions {
  /** Where chance comes from: the same seed draws the same. Default: another one each time. */
  seed?: number
  /** The time of all hosts. Default: a virtual clock of its own. */
  clock?: VirtualClock
  /**
   * Called with a function that prints the seed and what every host saw; to be called when the test failed. The
   * `onTestFailed` of Vitest fits as it is.
   */
  onTestFailed?: (report: () => void) => void
}

/** The schema of {@link TestInternetOptions}. */
export const testInternetSchema = lazy(() =>
  z.strictObject({
    seed: z.int().default(() => randomInt(2 ** 31)),
    clock: shapeSchema<VirtualClock>('a virtual clock', [
      'now',
      'schedule',
      'track',
      'advance',
      'settled',
    ]).default(() => createVirtualClock({ haltAfter: 200 })),
    onTestFailed: functionSchema<NonNullable<TestInternetOptions['onTestFailed']>>('a function').optional(),
  }),
)

/** {@link TestInternetOptions} with their defaults. */
export type TestInternetSettings = z.output<ReturnType<typeof testInternetSchema>>
