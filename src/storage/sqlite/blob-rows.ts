import { MailError } from '../../core/error.js'
import { blobId } from './row-ids.js'
import type { Statements } from './sqlite-database.js'
import type { Transaction } from './transaction.js'

/** Octets of a piece. What fits in one is stored by the commit that accepts it; more is streamed before. */
export const chunkSize = 256 * 1024

/** Pieces of one blob at most, for their ids: 16 GiB. */
const mostChunks = 65_536

/** How long a blob stays that was written and that nothing refers to yet. */
const unkeptGrace = 3_600_000
/** How long a blob of several pieces stays after its last reference, for those who read it. */
const readersGrace = 600_000

/** Stores a blob of one piece, or none. Gives its row. */
export function putBlob(tx: Transaction, bytes: Uint8Array, references: number): number {
  const row = beginRow(tx, bytes.length, references)
  if (bytes.length > 0) tx.run('INSERT INTO chunks (id, data) VALUES (?, ?)', row * mostChunks, bytes)
  if (references === 0) doom(tx, row, unkeptGrace)
  return row
}

function beginRow(tx: Transaction, size: number, references: number): number {
  const row = nextRow(tx)
  tx.run('INSERT INTO blobs (id, size, refs) VALUES (?, ?, ?)', row, size, references)
  return row
}

/** Ids that are taken at once. */
const reservedAtOnce = 1_000

/** Ids are taken many at once, as each commit that takes some has one page more to write. */
function nextRow(tx: Transaction): number {
  if (tx.reserved.next === tx.reserved.end) {
    const state = tx.get<{ next_blob: number }>(
      `UPDATE state SET next_blob = next_blob + ${reservedAtOnce} RETURNING next_blob`,
    )
    if (!state) throw new MailError('STORAGE_FAILED', 'sqliteStorage: the database has lost its state')
    tx.reserved = { next: state.next_blob - reservedAtOnce, end: state.next_blob }
  }
  return tx.reserved.next++
}

/** Begins a blob that is written piece by piece. Gives its row. */
export function beginBlob(tx: Transaction): number {
  const row = beginRow(tx, 0, 0)
  doom(tx, row, unkeptGrace)
  return row
}

/** Appends a piece; all but the last have {@link chunkSize} octets. */
export function appendChunk(tx: Transaction, row: number, number: number, bytes: Uint8Array): void {
  if (number >= mostChunks)
    throw new MailError('MESSAGE_TOO_LARGE', 'sqliteStorage: a blob has 16 GiB at most')
  const grown = tx.get('UPDATE blobs SET size = size + ? WHERE id = ? RETURNING id', bytes.length, row)
  if (!grown) throw noSuchBlob(row)
  tx.run('INSERT INTO chunks (id, data) VALUES (?, ?)', row * mostChunks + number, bytes)
}

/** Deletes a blob whose writing failed. */
export function discardBlob(tx: Transaction, row: number): void {
  if (tx.get('SELECT id FROM blobs WHERE id = ? AND refs = 0', row)) deleteBlob(tx, row)
}

/** Adds references to a stored blob. Gives its size. @throws MailError `NO_SUCH_MESSAGE`. */
export function referBlob(tx: Transaction, row: number, references: number): number {
  const blob = tx.get<{ size: number; refs: number }>(
    'UPDATE blobs SET refs = refs + ? WHERE id = ? RETURNING size, refs',
    references,
    row,
  )
  if (!blob) throw noSuchBlob(row)
  if (references > 0 && blob.refs === references) tx.run('DELETE FROM doomed WHERE blob = ?', row)
  return blob.size
}

interface ReleasedBlob {
  readonly id: number
  readonly size: number
  readonly refs: number
}

/** Takes references back, two of a blob that is named twice; with its last reference a blob goes. */
export function releaseBlobs(tx: Transaction, rows: readonly number[]): void {
  if (rows.length === 0) return
  const released = tx.all<ReleasedBlob>(
    `UPDATE blobs SET refs = refs - times
     FROM (SELECT value AS blob, count(*) AS times FROM json_each(?) GROUP BY value)
     WHERE id = blob RETURNING id, size, refs`,
    JSON.stringify(rows),
  )
  dropUnused(tx, released)
}

function dropUnused(tx: Transaction, blobs: readonly ReleasedBlob[]): void {
  const unused = blobs.filter(({ refs }) => refs <= 0)
  // One piece is read at once when it is opened: nobody can be in the middle of it.
  const small = unused.filter(({ size }) => size <= chunkSize).map(({ id }) => id)
  if (small.length > 0) {
    const list = JSON.stringify(small)
    tx.run(`DELETE FROM chunks WHERE id IN (SELECT value * ${mostChunks} FROM json_each(?))`, list)
    tx.run('DELETE FROM blobs WHERE id IN (SELECT value FROM json_each(?))', list)
  }
  for (const { id, size } of unused) if (size > chunkSize) doom(tx, id, readersGrace)
}

function doom(tx: Transaction, row: number, grace: number): void {
  tx.run('INSERT OR REPLACE INTO doomed (blob, grace) VALUES (?, ?)', row, grace)
}

function deleteBlob(tx: Transaction, row: number): void {
  tx.run('DELETE FROM chunks WHERE id >= ? AND id < ?', row * mostChunks, (row + 1) * mostChunks)
  tx.run('DELETE FROM blobs WHERE id = ?', row)
}

/** Deletes blobs whose time has come, `limit` of them at most. Gives how many. */
export function sweepBlobs(tx: Transaction, now: number, limit: number): number {
  tx.run('UPDATE doomed SET gone_at = ? + grace WHERE gone_at IS NULL', now)
  // Whatever else went wrong, what somebody refers to stays.
  const gone = tx.all<{ blob: number }>(
    'SELECT blob FROM doomed JOIN blobs ON id = blob WHERE gone_at <= ? AND refs = 0 LIMIT ?',
    now,
    limit,
  )
  for (const { blob } of gone) deleteBlob(tx, blob)
  return gone.length
}

/** A blob that is there. */
export interface FoundBlob {
  readonly size: number
  /** All of it where it has no more than one piece, otherwise `undefined`. */
  readonly bytes: Uint8Array | undefined
}

/** Looks a blob up. One question brings the bytes along, as most messages have one piece. */
export function findBlob(statements: Statements, row: number): FoundBlob | undefined {
  const found = statements.get<{ size: number; data: Uint8Array | null }>(
    `SELECT size, CASE WHEN size <= ${chunkSize} THEN data END AS data
     FROM blobs LEFT JOIN chunks ON chunks.id = blobs.id * ${mostChunks} WHERE blobs.id = ?`,
    row,
  )
  if (!found) return undefined
  const { size, data } = found
  if (data) return { size, bytes: data }
  return { size, bytes: size === 0 ? new Uint8Array() : undefined }
}

/** One piece of a blob. @throws MailError `NO_SUCH_MESSAGE`. */
export function readChunk(statements: Statements, row: number, number: number): Uint8Array {
  const chunk = statements.get<{ data: Uint8Array }>(
    'SELECT data FROM chunks WHERE id = ?',
    row * mostChunks + number,
  )
  if (!chunk) throw noSuchBlob(row)
  return chunk.data
}

function noSuchBlob(row: number): MailError {
  return new MailError('NO_SUCH_MESSAGE', `blob ${blobId.of(row)} does not exist (any more)`)
}
