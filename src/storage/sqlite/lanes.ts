import type { Transaction } from './transaction.js'

/** Makes a destination due at an instant, if it is not due earlier. */
export function bringForward(tx: Transaction, destination: string, dueAt: number): void {
  tx.run(
    'INSERT INTO lanes (destination, due_at) VALUES (?, ?) ON CONFLICT DO UPDATE SET due_at = min(due_at, excluded.due_at)',
    destination,
    dueAt,
  )
}

/** Brings lanes in line with the entries of their destinations. */
export function settleLanes(tx: Transaction, destinations: Iterable<string>): void {
  for (const destination of new Set(destinations)) {
    const first = tx.get<{ due_at: number }>(
      `SELECT due_at FROM entries WHERE destination = ? AND state IN ('waiting', 'leased') ORDER BY due_at LIMIT 1`,
      destination,
    )
    if (first) {
      tx.run('INSERT OR REPLACE INTO lanes (destination, due_at) VALUES (?, ?)', destination, first.due_at)
    } else tx.run('DELETE FROM lanes WHERE destination = ?', destination)
  }
}
