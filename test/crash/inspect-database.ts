import { loadSqlite } from '../../src/storage/sqlite/open-database.js'

/** What must give no row in a database that is whole, beside what `check()` of the storage looks at. */
const contradictions = {
  'a foreign key leads nowhere': 'PRAGMA foreign_key_check',
  'a blob counts other references than there are': `
    SELECT blobs.id FROM blobs LEFT JOIN shared ON shared.blob = blobs.id LEFT JOIN doomed ON doomed.blob = blobs.id
    WHERE CASE WHEN doomed.blob IS NULL THEN coalesce(refs, 1) ELSE 0 END <>
      (SELECT count(*) FROM messages WHERE blob = blobs.id) +
      (SELECT count(*) FROM entries WHERE blob = blobs.id)`,
  'a blob has other bytes than it says': `
    SELECT blobs.id FROM blobs WHERE size <> coalesce(length(data), 0) + (SELECT coalesce(sum(length(data)), 0) FROM chunks
      WHERE chunks.id >= blobs.id * 65536 AND chunks.id < (blobs.id + 1) * 65536)`,
  'bytes belong to no blob': 'SELECT id FROM chunks WHERE id / 65536 NOT IN (SELECT id FROM blobs)',
  'a message has no blob': 'SELECT uid FROM messages WHERE blob NOT IN (SELECT id FROM blobs)',
  'an entry has no blob': 'SELECT id FROM entries WHERE blob NOT IN (SELECT id FROM blobs)',
  'a blob in use is to be swept': 'SELECT blob FROM doomed JOIN shared USING (blob)',
  'references to no blob are counted': 'SELECT blob FROM shared WHERE blob NOT IN (SELECT id FROM blobs)',
  'counters of a mailbox are wrong': `
    SELECT id FROM mailboxes WHERE messages <> (SELECT count(*) FROM messages WHERE mailbox = mailboxes.id)
      OR bytes <> (SELECT coalesce(sum(size), 0) FROM messages WHERE mailbox = mailboxes.id)
      OR unseen <> (SELECT count(*) FROM messages WHERE mailbox = mailboxes.id AND flags NOT LIKE '%"\\\\Seen"%')
      OR uid_next <= (SELECT coalesce(max(uid), 0) FROM messages WHERE mailbox = mailboxes.id)
      OR modseq < (SELECT coalesce(max(modseq), 0) FROM messages WHERE mailbox = mailboxes.id)
      OR tombstones <> (SELECT count(*) FROM tombstones WHERE mailbox = mailboxes.id)`,
  'a UID is there and expunged': `
    SELECT uid FROM messages JOIN tombstones USING (mailbox, uid)`,
  'an entry that waits is in no lane, or the lane is late': `
    SELECT id FROM entries WHERE state IN ('waiting', 'leased') AND NOT EXISTS
      (SELECT 1 FROM lanes WHERE lanes.destination = entries.destination AND lanes.due_at <= entries.due_at)`,
}

/** What is wrong with a database, in words; nothing when all is well. */
export async function inspectDatabase(path: string): Promise<string[]> {
  const open = await loadSqlite()
  const database = open(path)
  try {
    const integrity = database.prepare('PRAGMA integrity_check').all() as { integrity_check: string }[]
    const problems = integrity.map(row => row.integrity_check).filter(text => text !== 'ok')
    for (const [problem, query] of Object.entries(contradictions)) {
      const rows = database.prepare(query).all()
      if (rows.length > 0) problems.push(`${problem}: ${JSON.stringify(rows.slice(0, 5))}`)
    }
    return problems
  } finally {
    database.close()
  }
}
