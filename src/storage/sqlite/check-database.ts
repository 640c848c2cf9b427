import { describeError } from '../../core/error.js'
import type { SqliteDatabase } from './sqlite-database.js'
import { Statements } from './sqlite-database.js'
import { isDamaged } from './sqlite-error.js'

/** What a damaged database may give by the hundred thousand is cut off here. */
const mostOfAKind = 20

/** Looks for each kind of damage; every row is a problem, told by its first column. */
const inspections: readonly string[] = [
  `SELECT 'the database has lost its state' WHERE (SELECT count(*) FROM state) <> 1`,
  `SELECT 'the next blob is ' || next_blob || ' and there is one of ' || newest
   FROM state, (SELECT max(id) AS newest FROM blobs) WHERE next_blob <= newest`,
  `SELECT 'the last UIDVALIDITY is ' || last_uid_validity || ' and a mailbox has ' || latest
   FROM state, (SELECT max(uid_validity) AS latest FROM mailboxes) WHERE last_uid_validity < latest`,
  `SELECT 'message ' || uid || ' of mailbox ' || mailbox || ' has no bytes'
   FROM messages WHERE blob NOT IN (SELECT id FROM blobs)`,
  `SELECT 'queue entry ' || id || ' has no bytes' FROM entries WHERE blob NOT IN (SELECT id FROM blobs)`,
  `SELECT 'blob ' || id || ' counts ' || refs || ' references and has ' || ifnull(n, 0)
   FROM (
     SELECT id, CASE WHEN doomed.blob IS NULL THEN ifnull(refs, 1) ELSE 0 END AS refs
     FROM blobs LEFT JOIN shared ON shared.blob = id LEFT JOIN doomed ON doomed.blob = id
   ) LEFT JOIN (
     SELECT blob, count(*) AS n FROM (SELECT blob FROM messages UNION ALL SELECT blob FROM entries) GROUP BY blob
   ) ON blob = id WHERE refs <> ifnull(n, 0)`,
  `SELECT 'blob ' || blob || ' is used and marked to be removed' FROM doomed JOIN shared USING (blob)`,
  `SELECT 'references to blob ' || blob || ' are counted and it is not there'
   FROM shared WHERE blob NOT IN (SELECT id FROM blobs)`,
  `SELECT 'blob ' || id || ' has ' || size || ' octets and pieces of ' || (ifnull(length(data), 0) + ifnull(held, 0))
   FROM blobs LEFT JOIN (SELECT id / 65536 AS blob, sum(length(data)) AS held FROM chunks GROUP BY 1) ON blob = id
   WHERE size <> ifnull(length(data), 0) + ifnull(held, 0)`,
  `SELECT 'piece ' || id || ' belongs to no blob' FROM chunks WHERE id / 65536 NOT IN (SELECT id FROM blobs)`,
  `SELECT 'mailbox ' || id || ' counts ' || b.messages || ' messages, ' || b.unseen || ' unseen, ' || b.bytes
     || ' octets and has ' || ifnull(m.n, 0) || ', ' || ifnull(m.unseen, 0) || ', ' || ifnull(m.size, 0)
   FROM mailboxes b LEFT JOIN (
     SELECT mailbox, count(*) AS n, sum(size) AS size, sum(
       flags = '' OR NOT EXISTS (SELECT 1 FROM json_each(flags) WHERE value = '\\Seen')) AS unseen
     FROM messages GROUP BY mailbox
   ) m ON m.mailbox = b.id
   WHERE b.messages <> ifnull(m.n, 0) OR b.unseen <> ifnull(m.unseen, 0) OR b.bytes <> ifnull(m.size, 0)`,
  `SELECT 'message ' || m.uid || ' of mailbox ' || b.id || ' is ahead of the counters of its mailbox'
   FROM messages m JOIN mailboxes b ON b.id = m.mailbox WHERE m.uid >= b.uid_next OR m.modseq > b.modseq`,
  `SELECT 'mailbox ' || id || ' counts ' || tombstones || ' tombstones and has ' || n
   FROM (SELECT b.id, b.tombstones, (SELECT count(*) FROM tombstones t WHERE t.mailbox = b.id) AS n FROM mailboxes b)
   WHERE tombstones <> n`,
  `SELECT 'destination ' || destination || ' is first due at another time than the queue says'
   FROM (
     SELECT owner, destination, min(due_at) AS first FROM entries WHERE state IN ('waiting', 'leased')
     GROUP BY owner, destination
   ) LEFT JOIN lanes USING (owner, destination) WHERE due_at IS NOT first`,
  `SELECT 'destination ' || destination || ' is due and nothing waits for it'
   FROM lanes WHERE (owner, destination) NOT IN
     (SELECT owner, destination FROM entries WHERE state IN ('waiting', 'leased'))`,
]

/** Gives what is wrong with a database, seen at one moment. */
export function checkDatabase(database: SqliteDatabase): string[] {
  const statements = new Statements(database)
  database.exec('BEGIN')
  try {
    const damage = damageOf(statements)
    // The other questions make no sense to a file that cannot be read.
    if (damage.length > 0) return damage
    return [...foreignKeys(statements), ...inspections.flatMap(sql => inspect(statements, sql))]
  } finally {
    endReading(database)
  }
}

/** Nothing was written; damage that was met may have ended the transaction. */
function endReading(database: SqliteDatabase): void {
  try {
    database.exec('ROLLBACK')
  } catch {}
}

/** What SQLite finds of damaged pages; some damage ends its search. */
function damageOf(statements: Statements): string[] {
  try {
    return statements
      .all<{ integrity_check: string }>(`PRAGMA integrity_check(${mostOfAKind})`)
      .map(row => row.integrity_check)
      .filter(line => line !== 'ok')
  } catch (thrown) {
    if (isDamaged(thrown)) return [`the file is damaged: ${describeError(thrown)}`]
    throw thrown
  }
}

function foreignKeys(statements: Statements): string[] {
  return statements
    .all<{ table: string; rowid: number | null; parent: string }>('PRAGMA foreign_key_check')
    .slice(0, mostOfAKind)
    .map(({ table, rowid, parent }) => `row ${rowid ?? '?'} of ${table} refers to nothing in ${parent}`)
}

function inspect(statements: Statements, sql: string): string[] {
  return statements
    .all<Record<string, string>>(`${sql} LIMIT ${mostOfAKind}`)
    .flatMap(row => Object.values(row).slice(0, 1))
}
