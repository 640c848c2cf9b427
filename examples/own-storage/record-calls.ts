import type { NewRecord, RecordStorage } from 'posthorn'
import type { Calls } from './journal.ts'
import type { Tables } from './tables.ts'

/** What the calls of `RecordStorage` do, each within one commit. */
export function recordCalls(tables: Tables): Calls<RecordStorage> {
  const { records } = tables
  return {
    get: (space, key) => records.get(`${space} ${key}`)?.record,

    put: record => keepRecords(tables, [record]),

    add({ space, key, ...rest }, count) {
      const record = records.get(`${space} ${key}`)?.record ?? { key, ...rest, count: 0 }
      records.put(`${space} ${key}`, { space, record: { ...record, count: record.count + count } })
    },

    list(space, { prefix = '', after, limit = 1_000 } = {}) {
      const all = records.rows().filter(row => row.space === space)
      return all
        .map(({ record }) => record)
        .filter(({ key }) => key.startsWith(prefix) && (after === undefined || key > after))
        .sort((a, b) => (a.key < b.key ? -1 : 1))
        .slice(0, limit)
    },

    delete(space, keys) {
      const found = keys.filter(key => records.get(`${space} ${key}`))
      for (const key of found) records.delete(`${space} ${key}`)
      return found
    },
  }
}

/** Part of a commit. */
export function keepRecords({ records }: Tables, kept: readonly NewRecord[]): void {
  for (const { space, key, ...rest } of kept)
    records.put(`${space} ${key}`, { space, record: { key, ...rest, count: 0 } })
}

/** Part of a commit: clears away what expired. */
export function forgetRecords({ records }: Tables, now: number): void {
  for (const { space, record } of records.rows())
    if (record.expiresAt !== undefined && record.expiresAt <= now) records.delete(`${space} ${record.key}`)
}
