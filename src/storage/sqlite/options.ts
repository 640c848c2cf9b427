import { z } from 'zod'
import type { Duration } from '../../core/duration.js'
import { durationSchema, lazy } from '../../core/options.js'

/** Options of {@link sqliteStorage}. */
export interface SqliteStorageOptions {
  /**
   * The database file; made when it does not exist, in a folder that does. SQLite keeps two more beside it, with
   * `-wal` and `-shm` after the name. It must lie on a disk of this machine: locks of network file systems cannot be
   * trusted. `':memory:'` keeps everything in memory and forgets it at the end.
   */
  path: string
  /**
   * How often to look for changes that other processes made, while somebody listens. Changes of this process are
   * told at once. Default: `'1s'`.
   */
  pollInterval?: Duration
  /** How long to wait for another process that writes, before the call fails as temporary. Default: `'10s'`. */
  busyTimeout?: Duration
  /**
   * Whether a thread of its own writes, so that waiting for the disk holds up nothing else. `false` writes in the
   * calling thread, for programs that are bundled into one file. Default: `true`; in memory always `false`.
   */
  thread?: boolean
}

/** Validates {@link SqliteStorageOptions}. */
export const sqliteStorageSchema = lazy(() =>
  z.strictObject({
    path: z.string().min(1, 'expected the path of a file'),
    pollInterval: durationSchema.default(1_000),
    busyTimeout: durationSchema.default(10_000),
    thread: z.boolean().default(true),
  }),
)

/** {@link SqliteStorageOptions} with defaults, durations in milliseconds. */
export type SqliteStorageSettings = z.output<ReturnType<typeof sqliteStorageSchema>>
