import { addAttempt, type QueueEntry } from '../storage/queue-storage.js'
import type { Outcome } from './plan-dsn.js'

/** The attempts for an entry once its outcome is settled, as storage has them then. */
export function attemptsMade({
  entry: { attempts, history },
  attempt,
  untried,
}: Outcome): Pick<QueueEntry, 'attempts' | 'history'> {
  if (untried) return { attempts: attempts - 1, history }
  return { attempts, history: addAttempt(history, attempt) }
}
