import {
  type FlagChange,
  inUidRanges,
  type MessageOutline,
  type MessageQuery,
  type MessageRecord,
  type UidRange,
} from '../mail-storage.js'
import { changeFlags, sortFlags } from '../message-flags.js'
import { blobId } from './row-ids.js'
import type { SqlValue, Statements } from './sqlite-database.js'

/** A row of `messages`, without its mailbox. */
export interface MessageRow {
  readonly uid: number
  readonly modseq: number
  /** A JSON array, or `''`. */
  readonly flags: string
  readonly internal_date: number
  readonly saved_at: number
  readonly size: number
  readonly blob: number
  readonly prefix: Uint8Array | null
}

const columns = 'uid, modseq, flags, internal_date, saved_at, size, blob, prefix'

/** The {@link columns} of a row. */
type MessageValues = readonly [
  uid: number,
  modseq: number,
  flags: string,
  internalDate: number,
  savedAt: number,
  size: number,
  blob: number,
  prefix: Uint8Array | null,
]

/** What is read of each of many messages, and what its values become. Each column takes time. */
export interface Reading<Values extends readonly SqlValue[], T extends { readonly uid: number }> {
  readonly columns: string
  of(values: Values): T
}

const wholeRow: Reading<MessageValues, MessageRow> = {
  columns,
  of: ([uid, modseq, flags, internal_date, saved_at, size, blob, prefix]) => ({
    uid,
    modseq,
    flags,
    internal_date,
    saved_at,
    size,
    blob,
    prefix,
  }),
}

/** Messages as they are listed. */
export const asRecord: Reading<MessageValues, MessageRecord> = {
  columns,
  of: values => messageRecord(wholeRow.of(values)),
}

/** Messages in outline. */
export const asOutline: Reading<readonly [number, number, number, Uint8Array | null], MessageOutline> = {
  columns: 'uid, size, blob, prefix',
  of: ([uid, size, row, prefix]) => {
    const blob = blobId.of(row)
    return prefix ? { uid, size, blob, prefix } : { uid, size, blob }
  },
}

export function messageRecord(row: MessageRow): MessageRecord {
  const { uid, modseq, internal_date: internalDate, saved_at: savedAt, size, prefix } = row
  const flags = parseFlags(row.flags)
  const blob = blobId.of(row.blob)
  return prefix
    ? { uid, modseq, flags, internalDate, savedAt, size, blob, prefix }
    : { uid, modseq, flags, internalDate, savedAt, size, blob }
}

/** Messages of a mailbox as the query wants them, ascending by UID. */
export function listMessages(
  statements: Statements,
  mailbox: number,
  query: MessageQuery = {},
): MessageRow[] {
  const { uids = [{ from: 0, to: Number.POSITIVE_INFINITY }], changedSince } = query
  const limit = Math.min(query.limit ?? Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
  if (limit <= 0) return []
  if (changedSince === undefined) return listRanges(statements, mailbox, wholeRow, uids, limit)
  const changed = statements.all<MessageRow>(
    `SELECT ${columns} FROM messages INDEXED BY messages_by_modseq WHERE mailbox = ? AND modseq > ? ORDER BY uid`,
    mailbox,
    changedSince,
  )
  return changed.filter(({ uid }) => inUidRanges(uid, uids)).slice(0, limit)
}

/** Messages of a mailbox within ranges, ascending by UID. */
export function listRanges<Values extends readonly SqlValue[], T extends { readonly uid: number }>(
  statements: Statements,
  mailbox: number,
  reading: Reading<Values, T>,
  ranges: readonly UidRange[],
  limit: number,
): T[] {
  const found: T[][] = []
  let left = limit
  for (const { from, to } of joinRanges(ranges)) {
    if (left <= 0) break
    const rows = statements.rows<Values>(
      `SELECT ${reading.columns} FROM messages WHERE mailbox = ? AND uid >= ? AND uid <= ? ORDER BY uid LIMIT ?`,
      mailbox,
      from,
      to,
      left,
    )
    found.push(rows.map(reading.of))
    left -= rows.length
  }
  return found.length === 1 && found[0] ? found[0] : found.flat()
}

/** Ranges in ascending order that do not overlap. */
function joinRanges(ranges: readonly UidRange[]): UidRange[] {
  const joined: { from: number; to: number }[] = []
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1)
    if (last && from <= last.to + 1) last.to = Math.max(last.to, to)
    else joined.push({ from, to })
  }
  return joined
}

export function messageByUid(statements: Statements, mailbox: number, uid: number): MessageRow | undefined {
  return statements.get<MessageRow>(
    `SELECT ${columns} FROM messages WHERE mailbox = ? AND uid = ?`,
    mailbox,
    uid,
  )
}

export function vanishedUids(statements: Statements, mailbox: number, since: number): number[] {
  return statements
    .all<{ uid: number }>(
      'SELECT uid FROM tombstones WHERE mailbox = ? AND modseq > ? ORDER BY uid',
      mailbox,
      since,
    )
    .map(({ uid }) => uid)
}

/** Flags as the column has them. */
export function formatFlags(flags?: readonly string[]): string {
  return flagsColumn(sortFlags(flags))
}

function flagsColumn(sorted: readonly string[]): string {
  return sorted.length === 0 ? '' : JSON.stringify(sorted)
}

const knownFlags = new Map<string, readonly string[]>([['', Object.freeze([])]])
const mostKnownFlags = 1_000

/** Few sets of flags make up most mailboxes, so each is parsed once. */
export function parseFlags(column: string): readonly string[] {
  let flags = knownFlags.get(column)
  if (!flags) {
    flags = Object.freeze(JSON.parse(column) as string[])
    if (knownFlags.size < mostKnownFlags) knownFlags.set(column, flags)
  }
  return flags
}

export function changedFlags(column: string, change: FlagChange): string {
  return flagsColumn(changeFlags(parseFlags(column), change))
}

export function isUnseen(column: string): boolean {
  return !parseFlags(column).includes('\\Seen')
}
