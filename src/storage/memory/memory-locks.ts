import type { LockStorage } from '../lock-storage.js'
import type { Lifetime } from './lifetime.js'

/** Locks in memory. Those that were left to expire are forgotten when their number has doubled. */
export class MemoryLocks implements LockStorage {
  readonly #locks = new Map<string, { readonly owner: string; readonly expiresAt: number }>()
  readonly #lifetime: Lifetime
  #forgetAt = 1_000

  constructor(lifetime: Lifetime) {
    this.#lifetime = lifetime
  }

  async acquire(name: string, owner: string, now: number, expiresAt: number): Promise<boolean> {
    this.#lifetime.assertOpen()
    const held = this.#locks.get(name)
    if (held && held.owner !== owner && held.expiresAt > now) return false
    this.#locks.set(name, { owner, expiresAt })
    if (this.#locks.size >= this.#forgetAt) this.#forget(now)
    return true
  }

  async release(name: string, owner: string): Promise<void> {
    this.#lifetime.assertOpen()
    if (this.#locks.get(name)?.owner === owner) this.#locks.delete(name)
  }

  #forget(now: number): void {
    for (const [name, lock] of this.#locks) if (lock.expiresAt <= now) this.#locks.delete(name)
    this.#forgetAt = Math.max(1_000, this.#locks.size * 2)
  }
}
