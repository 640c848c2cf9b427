import type { NewRecord, RecordQuery, RecordStorage, StoredRecord } from '../record-storage.js'
import type { StorageLifetime } from '../storage-lifetime.js'
import { SortedMap } from './sorted-map.js'

/** Records in memory. Those that expired are forgotten when their number has doubled. */
export class MemoryRecords implements RecordStorage {
  /** By space and key with a blank between, which no space has in it. */
  readonly #records = new SortedMap<StoredRecord>()
  readonly #lifetime: StorageLifetime
  #sweepAt = 1_000

  constructor(lifetime: StorageLifetime) {
    this.#lifetime = lifetime
  }

  async get(space: string, key: string): Promise<StoredRecord | undefined> {
    this.#lifetime.assertOpen()
    return this.#records.get(`${space} ${key}`)
  }

  async put(record: NewRecord): Promise<void> {
    this.#lifetime.assertOpen()
    this.keep([record])
  }

  async add(record: NewRecord, count: number): Promise<void> {
    this.#lifetime.assertOpen()
    const name = `${record.space} ${record.key}`
    const known = this.#records.get(name) ?? recordOf(record)
    this.#records.set(name, Object.freeze({ ...known, count: known.count + count }))
  }

  async list(
    space: string,
    { prefix = '', after, limit = 1_000 }: RecordQuery = {},
  ): Promise<StoredRecord[]> {
    this.#lifetime.assertOpen()
    const found: StoredRecord[] = []
    const first = after !== undefined && after > prefix ? after : prefix
    for (const [name, record] of this.#records.from(`${space} ${first}`)) {
      if (found.length >= limit || !name.startsWith(`${space} ${prefix}`)) break
      if (record.key !== after) found.push(record)
    }
    return found
  }

  async delete(space: string, keys: readonly string[]): Promise<string[]> {
    this.#lifetime.assertOpen()
    return keys.filter(key => this.#records.delete(`${space} ${key}`))
  }

  /** Part of a commit: nothing in it fails. */
  keep(records: readonly NewRecord[]): void {
    for (const record of records) this.#records.set(`${record.space} ${record.key}`, recordOf(record))
  }

  /** Forgets what expired, as far as the instants that pass by show, once there may be much of it. */
  sweep(due: number): void {
    if (this.#records.size < this.#sweepAt) return
    this.#records.filter(({ expiresAt = Number.POSITIVE_INFINITY }) => expiresAt > due)
    this.#sweepAt = Math.max(1_000, this.#records.size * 2)
  }
}

function recordOf({ key, value, expiresAt }: NewRecord): StoredRecord {
  return Object.freeze({ key, value, count: 0, ...(expiresAt !== undefined && { expiresAt }) })
}
