import { type AttemptRecord, longestHistory } from '../queue-storage.js'
import type { EntryRow } from './entry-rows.js'
import type { Transaction } from './transaction.js'

/** Adds an attempt that has ended to those of its entry. */
export function putAttempt(tx: Transaction, { id, attempts }: EntryRow, attempt: AttemptRecord): void {
  const record = JSON.stringify(attempt)
  tx.run('INSERT INTO attempts (entry, number, record) VALUES (?, ?, ?)', id, attempts, record)
  if (attempts <= longestHistory) return
  tx.run(
    `DELETE FROM attempts WHERE entry = ? AND number <=
       (SELECT number FROM attempts WHERE entry = ? ORDER BY number DESC LIMIT 1 OFFSET ?)`,
    id,
    id,
    longestHistory,
  )
}
