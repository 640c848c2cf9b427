import type { LockStorage } from '../lock-storage.js'
import type { StorageLifetime } from '../storage-lifetime.js'

/** Locks in memory. Those that were left to expire are forgotten when their number has doubled. */
export class MemoryLocks implements LockStorage {
  readonly #locks = new Map<string, { readonly owner: string; readonly expiresAt: number }>()
  readonly #lifetime: StorageLifetime
  #forgetAt = 1_000
  /** The instant of the call before. */
  #before = Number.NEGATIVE_INFINITY

  constructor(lifetime: StorageLifetime) {
    this.#lifetime = lifetime
  }

  async acquire(name: string, owner: string, now: number, expiresAt: number): Promise<boolean> {
    this.#lifetime.assertOpen()
    const held = this.#locks.get(name)
    if (held && held.owner !== owner && held.expiresAt > now) return false
    this.#locks.set(name, { owner, expiresAt })
    // One instant alone may be from a clock that jumped.
    if (this.#locks.size >= this.#forgetAt) this.#forget(Math.min(now, this.#before))
    this.#before = now
    return true
  }

  async release(name: string, owner: string): Promise<void> {
    this.#lifetime.assertOpen()
    if (this.#locks.get(name)?.owner === owner) this.#locks.delete(name)
  }

  #forget(due: number): void {
    for (const [name, lock] of this.#locks) if (lock.expiresAt <= due) this.#locks.delete(name)
    this.#forgetAt = Math.max(1_000, this.#locks.size * 2)
  }
}
