import type { NewRecord, RecordQuery, StoredRecord } from '../record-storage.js'
import type { Statements } from './sqlite-database.js'
import type { Transaction } from './transaction.js'

/** A row of `records`, without its space. */
interface RecordRow {
  readonly key: string
  readonly value: string
  readonly count: number
  readonly expires_at: number | null
}

export function getRecord(statements: Statements, space: string, key: string): StoredRecord | undefined {
  const sql = 'SELECT key, value, count, expires_at FROM records WHERE space = ? AND key = ?'
  const row = statements.get<RecordRow>(sql, space, key)
  return row && storedRecord(row)
}

/** Keys lie in the order of their UTF-8, where U+10FFFF, which stands for no character, comes behind all. */
export function listRecords(
  statements: Statements,
  space: string,
  { prefix = '', after = '', limit = 1_000 }: RecordQuery = {},
): StoredRecord[] {
  const rows = statements.all<RecordRow>(
    `SELECT key, value, count, expires_at FROM records
     WHERE space = ? AND key > ? AND key >= ? AND key < ? ORDER BY key LIMIT ?`,
    space,
    after,
    prefix,
    `${prefix}\u{10ffff}`,
    Math.max(0, Math.min(limit, Number.MAX_SAFE_INTEGER)),
  )
  return rows.map(storedRecord)
}

function storedRecord({ key, value, count, expires_at }: RecordRow): StoredRecord {
  return { key, value, count, ...(expires_at !== null && { expiresAt: expires_at }) }
}

export function putRecord(tx: Transaction, { space, key, value, expiresAt }: NewRecord): void {
  const sql = 'INSERT OR REPLACE INTO records (space, key, value, expires_at) VALUES (?, ?, ?, ?)'
  tx.run(sql, space, key, value, expiresAt ?? null)
}

export function addToRecord(
  tx: Transaction,
  { space, key, value, expiresAt }: NewRecord,
  count: number,
): void {
  tx.run(
    `INSERT INTO records (space, key, value, expires_at, count) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET count = count + excluded.count`,
    space,
    key,
    value,
    expiresAt ?? null,
    count,
  )
}

/** Gives the keys that existed. */
export function deleteRecords(tx: Transaction, space: string, keys: readonly string[]): string[] {
  const sql = 'DELETE FROM records WHERE space = ? AND key = ? RETURNING key'
  return keys.filter(key => Boolean(tx.get(sql, space, key)))
}

/** Forgets records that expired, `limit` of them at most. Gives how many. */
export function forgetRecords(tx: Transaction, now: number, limit: number): number {
  const expired = tx.all<{ space: string; key: string }>(
    'SELECT space, key FROM records WHERE expires_at <= ? LIMIT ?',
    now,
    limit,
  )
  for (const { space, key } of expired) tx.run('DELETE FROM records WHERE space = ? AND key = ?', space, key)
  return expired.length
}
