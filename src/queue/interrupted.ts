import { type AttemptRecord, type LeasedEntry, longestHistory } from '../storage/queue-storage.js'
import { deferredHere } from './attempt-record.js'

/*
 * A process that dies in the middle of an attempt leaves a count (the lease records the attempt) and no record. One such
 * attempt is repeated as soon as its lease has run out. From the second on, each is waited for as the retry policy
 * says, so that a message which ends the process, or a process that ends by itself, does not hammer its peer at the
 * pace of the leases. The wait itself takes a lease and leaves a record, by which it is told from the rest.
 */

const reason = 'the process ended in the middle of the attempt'

/** The record of the wait before an entry whose attempts were interrupted is tried again, or `undefined` when it need not wait. */
export function pauseAfterInterruption(entry: LeasedEntry, now: number): AttemptRecord | undefined {
  const { attempts, history } = entry
  // What is beyond cannot be told from an interrupted attempt.
  if (history.length >= longestHistory) return undefined
  const unrecorded = attempts - 1 - history.length
  const waited = history.filter(record => record.reason === reason).length
  return unrecorded - waited > 1 ? deferredHere(reason, { startedAt: now, endedAt: now }) : undefined
}
