import type { NewRecord, RecordQuery, RecordStorage, StoredRecord } from 'posthorn'
import type { Tables } from './rows.ts'
import type { Work } from './work.ts'

/** Small values by space and key. */
export class JournalRecords implements RecordStorage {
  readonly #tables: Tables
  readonly #work: Work

  constructor(tables: Tables, work: Work) {
    this.#tables = tables
    this.#work = work
  }

  get(space: string, key: string): Promise<StoredRecord | undefined> {
    return this.#work.do(() => {
      const row = this.#tables.records.get(`${space} ${key}`)
      return row && toRecord(row)
    })
  }

  put(record: NewRecord): Promise<void> {
    return this.#work.do(() => keepRecords(this.#tables, [record]))
  }

  add(record: NewRecord, count: number): Promise<void> {
    return this.#work.do(() => {
      const name = `${record.space} ${record.key}`
      const row = this.#tables.records.get(name) ?? { ...record, count: 0 }
      this.#tables.records.put(name, { ...row, count: row.count + count })
    })
  }

  list(space: string, { prefix = '', after, limit = 1_000 }: RecordQuery = {}): Promise<StoredRecord[]> {
    return this.#work.do(() =>
      [...this.#tables.records.rows(space)]
        .filter(({ key }) => key.startsWith(prefix) && (after === undefined || key > after))
        .sort((a, b) => (a.key < b.key ? -1 : 1))
        .slice(0, limit)
        .map(toRecord),
    )
  }

  delete(space: string, keys: readonly string[]): Promise<string[]> {
    return this.#work.do(() => {
      const found = keys.filter(key => this.#tables.records.get(`${space} ${key}`))
      for (const key of found) this.#tables.records.delete(`${space} ${key}`)
      return found
    })
  }
}

/** Part of a commit. */
export function keepRecords({ records }: Tables, kept: readonly NewRecord[]): void {
  for (const record of kept) records.put(`${record.space} ${record.key}`, { ...record, count: 0 })
}

/** Part of a commit: clears away what expired. */
export function forgetRecords({ records }: Tables, now: number): void {
  for (const { space, key, expiresAt = now + 1 } of records.rows()) {
    if (expiresAt <= now) records.delete(`${space} ${key}`)
  }
}

function toRecord({ space: _, ...record }: NewRecord & { readonly count: number }): StoredRecord {
  return record
}
