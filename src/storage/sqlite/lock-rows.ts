import type { Transaction } from './transaction.js'

/** Takes or renews a lock; gives whether the owner has it. */
export function acquireLock(
  tx: Transaction,
  name: string,
  owner: string,
  now: number,
  expiresAt: number,
): boolean {
  tx.sees(now)
  const taken = tx.get(
    `INSERT INTO locks (name, owner, expires_at) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
     WHERE owner = excluded.owner OR expires_at <= ?
     RETURNING name`,
    name,
    owner,
    expiresAt,
    now,
  )
  return taken !== undefined && taken !== null
}

export function releaseLock(tx: Transaction, name: string, owner: string): void {
  tx.run('DELETE FROM locks WHERE name = ? AND owner = ?', name, owner)
}

/** Forgets locks that were left to expire and had by `due`. */
export function forgetLocks(tx: Transaction, due: number): void {
  tx.run('DELETE FROM locks WHERE expires_at <= ?', due)
}
