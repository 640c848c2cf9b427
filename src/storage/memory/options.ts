import { z } from 'zod'
import { lazy } from '../../core/options.js'

/** Options of {@link memoryStorage}. */
export interface MemoryStorageOptions {
  /** How many octets of messages to keep at most; beyond it `STORAGE_FULL`. Default: no limit. */
  maxBytes?: number
}

/** Validates {@link MemoryStorageOptions}. */
export const memoryStorageSchema = lazy(() =>
  z.strictObject({
    maxBytes: z.number().nonnegative().default(Number.POSITIVE_INFINITY),
  }),
)
