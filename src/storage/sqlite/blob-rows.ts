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
  const row = nextRow(tx)
  tx.run('INSERT INTO blobs (id, size, data) VALUES (?, ?, ?)', row, bytes.length, bytes)
  if (references === 0) doom(tx, row, unkeptGrace)
  else if (references > 1) tx.run('INSERT INTO shared (blob, refs) VALUES (?, ?)', row, references)
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
  const row = nextRow(tx)
  tx.run('INSERT INTO blobs (id, size) VALUES (?, 0)', row)
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
  if (tx.get('SELECT blob FROM doomed WHERE blob = ?', row)) deleteBlob(tx, row)
}

/** Adds references to a stored blob. Gives its size. @throws MailError `NO_SUCH_MESSAGE`. */
export function referBlob(tx: Transaction, row: number, references: number): number {
  const blob = tx.get<{ size: number }>('SELECT size FROM blobs WHERE id = ?', row)
  if (!blob) throw noSuchBlob(row)
  if (references === 0) return blob.size
  const unused = tx.get('DELETE FROM doomed WHERE blob = ? RETURNING blob', row) !== undefined
  const before = unused ? 0 : 1
  if (before + references > 1) {
    tx.run(
      'INSERT INTO shared (blob, refs) VALUES (?, ?) ON CONFLICT DO UPDATE SET refs = refs + ?',
      row,
      before + references,
      references,
    )
  }
  return blob.size
}

/** Takes references back, two of a blob that is named twice; with its last reference a blob goes. */
export function releaseBlobs(tx: Transaction, rows: readonly number[]): void {
  if (rows.length === 0) return
  const released = new Map<number, number>()
  for (const row of rows) released.set(row, (released.get(row) ?? 0) + 1)
  const shared = tx.all<{ blob: number; refs: number }>(
    'SELECT blob, refs FROM shared WHERE blob IN (SELECT value FROM json_each(?))',
    JSON.stringify([...released.keys()]),
  )
  for (const { blob, refs } of shared) {
    const left = refs - (released.get(blob) ?? 0)
    if (left > 1) tx.run('UPDATE shared SET refs = ? WHERE blob = ?', left, blob)
    else tx.run('DELETE FROM shared WHERE blob = ?', blob)
    if (left > 0) released.delete(blob)
  }
  dropUnused(tx, [...released.keys()])
}

function dropUnused(tx: Transaction, rows: readonly number[]): void {
  if (rows.length === 0) return
  // One piece is read at once when it is opened: nobody can be in the middle of it.
  const dropped = tx.all<{ id: number; apart: number }>(
    `DELETE FROM blobs WHERE id IN (SELECT value FROM json_each(?)) AND size <= ${chunkSize}
     RETURNING id, data IS NULL AS apart`,
    JSON.stringify(rows),
  )
  for (const { id, apart } of dropped) if (apart) tx.run('DELETE FROM chunks WHERE id = ?', id * mostChunks)
  if (dropped.length === rows.length) return
  const gone = new Set(dropped.map(({ id }) => id))
  for (const row of rows) if (!gone.has(row)) doom(tx, row, readersGrace)
}

function doom(tx: Transaction, row: number, grace: number): void {
  tx.run('INSERT OR REPLACE INTO doomed (blob, grace) SELECT id, ? FROM blobs WHERE id = ?', grace, row)
}

function deleteBlob(tx: Transaction, row: number): void {
  tx.run('DELETE FROM chunks WHERE id >= ? AND id < ?', row * mostChunks, (row + 1) * mostChunks)
  tx.run('DELETE FROM blobs WHERE id = ?', row)
}

/** What a sweep goes by: its instant, the one by which what goes was due, and how many may go at once. */
export interface Sweep {
  readonly now: number
  readonly due: number
  readonly limit: number
}

/** Sets the time of blobs that nothing refers to, and deletes those whose time has come. Gives how many. */
export function sweepBlobs(tx: Transaction, { now, due, limit }: Sweep): number {
  // A time further ahead than that is from a clock that was set back since.
  tx.run('UPDATE doomed SET gone_at = ? + grace WHERE gone_at IS NULL OR gone_at > ? + grace', now, now)
  const gone = tx.all<{ blob: number }>('SELECT blob FROM doomed WHERE gone_at <= ? LIMIT ?', due, limit)
  for (const { blob } of gone) deleteBlob(tx, blob)
  return gone.length
}

/** A blob that is there. */
export interface FoundBlob {
  readonly size: number
  /** All of it where it has no more than one piece, otherwise `undefined`. */
  readonly bytes: Uint8Array | undefined
}

/**
 * Looks a blob up. One question brings the bytes along, as most messages have one piece: also those of the first
 * release, which lie apart, as the blob may go between two questions.
 */
export function findBlob(statements: Statements, row: number): FoundBlob | undefined {
  const found = statements.get<{ size: number; data: Uint8Array | null }>(
    `SELECT size, coalesce(data, (
       SELECT chunks.data FROM chunks WHERE size <= ${chunkSize} AND chunks.id = blobs.id * ${mostChunks}
     )) AS data FROM blobs WHERE id = ?`,
    row,
  )
  if (!found) return undefined
  const { size, data } = found
  return { size, bytes: data ?? (size === 0 ? new Uint8Array() : undefined) }
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
