import type { LockStorage } from 'posthorn'
import type { Work } from './work.ts'

/** Locks in memory: those of a process that died are free, as the directory is for one process at a time. */
export class JournalLocks implements LockStorage {
  readonly #locks = new Map<string, { readonly owner: string; readonly expiresAt: number }>()
  readonly #work: Work

  constructor(work: Work) {
    this.#work = work
  }

  acquire(name: string, owner: string, now: number, expiresAt: number): Promise<boolean> {
    return this.#work.do(() => {
      const held = this.#locks.get(name)
      if (held && held.owner !== owner && held.expiresAt > now) return false
      this.#locks.set(name, { owner, expiresAt })
      return true
    })
  }

  release(name: string, owner: string): Promise<void> {
    return this.#work.do(() => {
      if (this.#locks.get(name)?.owner === owner) this.#locks.delete(name)
    })
  }
}
