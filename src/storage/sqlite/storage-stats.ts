import { statSync } from 'node:fs'
import type { QueueCounts } from '../queue-storage.js'
import { countsByState } from './entry-rows.js'
import type { Statements } from './sqlite-database.js'

/** What a database holds, and what this storage did. */
export interface SqliteStats {
  /** Release of SQLite. */
  readonly sqlite: string
  /** Number of the schema. */
  readonly schema: number
  /** Octets of the database file; 0 in memory. */
  readonly fileBytes: number
  /** Octets of the write-ahead log beside it. */
  readonly logBytes: number
  /** Octets of the file that are free, to be used again or given back by `compact()`. */
  readonly freeBytes: number
  readonly accounts: number
  readonly mailboxes: number
  readonly messages: number
  /** Octets of all messages, as mailboxes count them: one in two mailboxes counts twice. */
  readonly messageBytes: number
  readonly queue: QueueCounts
  /** Transactions this storage made since it was opened; each waits once for the disk. */
  readonly commits: number
  /** Calls that these transactions carried out. */
  readonly committedCalls: number
}

/** Everything of {@link SqliteStats} that the database knows. */
export function readStats(
  statements: Statements,
  path: string,
): Omit<SqliteStats, 'commits' | 'committedCalls'> {
  const pragma = (name: string) =>
    Number(Object.values(statements.get<Record<string, number>>(`PRAGMA ${name}`) ?? {})[0] ?? 0)
  const sums = statements.get<{ accounts: number; mailboxes: number; messages: number; bytes: number }>(
    `SELECT count(DISTINCT account) AS accounts, count(*) AS mailboxes, total(messages) AS messages,
       total(bytes) AS bytes FROM mailboxes`,
  )
  return {
    sqlite: statements.get<{ version: string }>('SELECT sqlite_version() AS version')?.version ?? '',
    schema: pragma('user_version'),
    fileBytes: sizeOfFile(path),
    logBytes: sizeOfFile(`${path}-wal`),
    freeBytes: pragma('freelist_count') * pragma('page_size'),
    accounts: sums?.accounts ?? 0,
    mailboxes: sums?.mailboxes ?? 0,
    messages: sums?.messages ?? 0,
    messageBytes: sums?.bytes ?? 0,
    queue: countsByState(statements),
  }
}

function sizeOfFile(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
