/**
 * Locks with an expiry, seen by every process on the storage: the drop lock of POP3 (RFC 1939 §4).
 */
export interface LockStorage {
  /**
   * Takes or renews the lock `name` for `owner` until `expiresAt`. Resolves to `false` when another owner
   * holds it and it has not expired at `now`.
   */
  acquire(name: string, owner: string, now: number, expiresAt: number): Promise<boolean>
  /** Gives the lock back; does nothing when `owner` does not hold it. */
  release(name: string, owner: string): Promise<void>
}
