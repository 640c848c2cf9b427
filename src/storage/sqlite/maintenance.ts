import { MailError } from '../../core/error.js'
import { backupDatabase } from './backup-database.js'
import { checkDatabase } from './check-database.js'
import { type ConnectionOptions, patiently } from './open-database.js'
import type { SqliteDatabase } from './sqlite-database.js'
import { asStorageError, decodeError, type EncodedError } from './sqlite-error.js'
import { startThread } from './start-thread.js'

/** Work on the whole database, which takes a while. */
export type Job =
  | { readonly kind: 'check' }
  | { readonly kind: 'backup'; readonly target: string }
  | { readonly kind: 'truncate' }

/** What the maintenance thread is told when it begins. */
export interface MaintenanceStart extends ConnectionOptions {
  readonly job: Job
}

/** What the maintenance thread answers, once. */
export type MaintenanceAnswer = { readonly problems: string[] } | { readonly failed: EncodedError }

/** Does a job on a connection of its own. Gives the problems a check found. */
export function doJob(database: SqliteDatabase, job: Job, busyTimeout: number): string[] {
  if (job.kind === 'check') return checkDatabase(database)
  if (job.kind === 'backup') backupDatabase(database, job.target)
  else patiently(busyTimeout, () => truncateLog(database))
  return []
}

/** Moves what is in the log into the database, and frees the space of the log. */
function truncateLog(database: SqliteDatabase): void {
  const { busy, log } = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as Checkpointed
  // SQLite waits for those who read and write, but not for others who do the same; then it knows nothing of the log.
  if (busy === 0 || log >= 0) return
  throw Object.assign(new Error('another connection moves the log'), { code: 'SQLITE_BUSY' })
}

/** What SQLite says of it (https://www.sqlite.org/pragma.html#pragma_wal_checkpoint). */
interface Checkpointed {
  readonly busy: number
  readonly log: number
}

/** Does a job in a thread, so that it holds up nothing. */
export function doJobInThread(start: MaintenanceStart): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const worker = startThread('maintenance-thread', start)
    worker.once('message', (answer: MaintenanceAnswer) => {
      if ('failed' in answer) reject(decodeError(answer.failed))
      else resolve(answer.problems)
    })
    worker.once('error', thrown => reject(asStorageError(thrown)))
    worker.once('exit', () =>
      reject(
        new MailError('STORAGE_FAILED', `sqliteStorage: the thread for ${start.job.kind} ended early`, {
          temporary: true,
        }),
      ),
    )
  })
}
