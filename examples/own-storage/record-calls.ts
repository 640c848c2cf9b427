import type { LockStorage, NewRecord, RecordStorage } from 'posthorn'
import type { Calls } from './journal.ts'
import type { Tables } from './tables.ts'

/** What the calls of `RecordStorage` do, each within one commit. */
export function recordCalls(tables: Tables): Calls<RecordStorage> {
  const { records } = tables
  return {
    get: (space, key) => records.get(`${space} ${key}`),
    put: record => keepRecords(tables, [record]),
    add({ space, key, ...rest }, count) {
      const record = records.get(`${space} ${key}`) ?? { key, ...rest, count: 0 }
      records.set(`${space} ${key}`, { ...record, count: record.count + count })
    },
    list(space, { prefix = '', after, limit = 1_000 } = {}) {
      const found = [...records].filter(([name]) => name.startsWith(`${space} ${prefix}`))
      return found
        .map(([, record]) => record)
        .filter(({ key }) => after === undefined || key > after)
        .sort((a, b) => (a.key < b.key ? -1 : 1))
        .slice(0, limit)
    },
    delete: (space, keys) => keys.filter(key => records.delete(`${space} ${key}`)),
  }
}

/** Part of a commit. */
export function keepRecords({ records }: Tables, kept: readonly NewRecord[]): void {
  for (const { space, key, ...rest } of kept) records.set(`${space} ${key}`, { key, ...rest, count: 0 })
}

/** What the calls of `LockStorage` do, each within one commit. */
export function lockCalls({ locks }: Tables): Calls<LockStorage> {
  return {
    acquire(name, owner, now, expiresAt) {
      const held = locks.get(name)
      if (held && held.owner !== owner && held.expiresAt > now) return false
      locks.set(name, { owner, expiresAt })
      return true
    },
    release(name, owner) {
      if (locks.get(name)?.owner === owner) locks.delete(name)
    },
  }
}
