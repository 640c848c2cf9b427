import type { Transaction } from './transaction.js'

/** The entries of one owner for one destination. */
export interface LaneKey {
  readonly owner: string
  readonly destination: string
}

/** Makes a lane due at an instant, if it is not due earlier. */
export function bringForward(tx: Transaction, { owner, destination }: LaneKey, dueAt: number): void {
  tx.run(
    `INSERT INTO lanes (owner, destination, due_at) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET due_at = min(due_at, excluded.due_at)`,
    owner,
    destination,
    dueAt,
  )
}

/** Notes that entries of lanes changed. */
export function touchLanes(tx: Transaction, lanes: Iterable<LaneKey>): void {
  for (const { owner, destination } of lanes) {
    tx.touchedLanes.set(`${owner}\n${destination}`, { owner, destination })
  }
}

/** Brings the lanes that were touched in line with their entries. */
export function settleLanes(tx: Transaction): void {
  for (const { owner, destination } of tx.touchedLanes.values()) {
    const first = tx.get<{ due_at: number }>(
      `SELECT due_at FROM entries
       WHERE owner = ? AND destination = ? AND state IN ('waiting', 'leased') ORDER BY due_at LIMIT 1`,
      owner,
      destination,
    )
    if (!first) tx.run('DELETE FROM lanes WHERE owner = ? AND destination = ?', owner, destination)
    else {
      const sql = 'INSERT OR REPLACE INTO lanes (owner, destination, due_at) VALUES (?, ?, ?)'
      tx.run(sql, owner, destination, first.due_at)
    }
  }
  tx.touchedLanes.clear()
}
