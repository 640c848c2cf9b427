import type { AttemptRecord, LeasedEntry } from '../storage/queue-storage.js'
import { cleanReason } from './attempt-record.js'
import { decideFate } from './fate.js'
import type { Outcome } from './plan-dsn.js'
import type { QueueContext } from './queue-context.js'

/**
 * What becomes of an entry whose site is put aside: it waits as after an attempt that failed, but none was made, so none
 * is counted. Of `failure`, which is that of another message, it tells what its sender may know: nothing a server said.
 */
export function putOff(context: QueueContext, entry: LeasedEntry, failure: AttemptRecord): Outcome {
  const now = context.settings.clock.now()
  const { reply, reason } = failure
  const why = reply ? `its server answered ${reply.code}` : reason
  const attempt: AttemptRecord = {
    startedAt: now,
    endedAt: now,
    status: 'deferred',
    scope: 'host',
    reason: cleanReason(`put off, as the last attempts for this site failed: ${why}`),
  }
  const made = Math.max(entry.attempts - 1, 1)
  const fate = decideFate(context, entry, attempt, { attempts: made })
  return { entry, attempt, fate, untried: true }
}
