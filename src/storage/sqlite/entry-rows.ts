import type { EntryStanding } from '../entry-standing.js'
import type { QueueEntry, QueueFilter, QueueState } from '../queue-storage.js'
import { blobId, entryId } from './row-ids.js'
import type { SqlValue, Statements } from './sqlite-database.js'

/** A row of `entries`. */
export interface EntryRow {
  readonly id: number
  readonly message: number
  readonly trace_id: string
  readonly blob: number
  readonly size: number
  readonly envelope: string
  readonly recipient: string
  readonly destination: string
  readonly submitter: string | null
  readonly owner: string
  readonly queued_at: number
  readonly state: QueueState
  readonly due_at: number
  readonly due_before: number
  readonly attempts: number
  readonly warned: number
  readonly hold_after: number
  readonly token: string | null
  readonly problem: string | null
}

/** A row of `entries` with its attempts. */
export interface WholeRow extends EntryRow {
  /** A JSON array, oldest first. */
  readonly history: string
}

/** The columns of a {@link WholeRow}. */
export const wholeRow = `*, (
  SELECT '[' || ifnull(group_concat(record), '') || ']'
  FROM (SELECT record FROM attempts WHERE entry = entries.id ORDER BY number)
) AS history`

export function queueEntry(row: WholeRow): QueueEntry {
  return {
    id: entryId.of(row.id),
    traceId: row.trace_id,
    blob: blobId.of(row.blob),
    size: row.size,
    envelope: JSON.parse(row.envelope),
    recipient: JSON.parse(row.recipient),
    destination: row.destination,
    ...(row.submitter !== null && { submitter: row.submitter }),
    state: row.state,
    queuedAt: row.queued_at,
    dueAt: row.due_at,
    attempts: row.attempts,
    history: JSON.parse(row.history),
    warned: row.warned === 1,
    ...(row.problem !== null && { problem: row.problem }),
  }
}

export function standingOf(row: EntryRow): EntryStanding {
  const { token, due_before: dueBefore } = row
  return {
    state: row.state,
    dueAt: row.due_at,
    attempts: row.attempts,
    warned: row.warned === 1,
    ...(token !== null && { lease: { token, dueBefore, holdAfter: row.hold_after === 1 } }),
  }
}

export function putStanding(tx: Statements, row: EntryRow, standing: EntryStanding): void {
  const { state, dueAt, attempts, warned, problem, lease } = standing
  tx.run(
    `UPDATE entries SET state = ?, due_at = ?, due_before = ?, attempts = ?, warned = ?, problem = ?, hold_after = ?,
       token = ? WHERE id = ?`,
    state,
    dueAt,
    lease?.dueBefore ?? row.due_before,
    attempts,
    Number(warned),
    problem ?? null,
    Number(lease?.holdAfter ?? false),
    lease?.token ?? null,
    row.id,
  )
}

export function entryById(statements: Statements, id: string): EntryRow | undefined {
  return statements.get<EntryRow>('SELECT * FROM entries WHERE id = ?', entryId.row(id))
}

export function readEntry(statements: Statements, id: string): QueueEntry | undefined {
  const row = statements.get<WholeRow>(`SELECT ${wholeRow} FROM entries WHERE id = ?`, entryId.row(id))
  return row && queueEntry(row)
}

const filterColumns = {
  state: 'state',
  destination: 'destination',
  sender: 'sender',
  recipient: 'address',
  traceId: 'trace_id',
} as const satisfies Partial<Record<keyof QueueFilter, string>>

export function listEntries(statements: Statements, filter: QueueFilter): QueueEntry[] {
  const conditions = ['id > ?']
  const values: SqlValue[] = [rowAfter(filter.after ?? '')]
  for (const key of Object.keys(filterColumns) as (keyof typeof filterColumns)[]) {
    const wanted = filter[key]
    if (wanted === undefined) continue
    conditions.push(`${filterColumns[key]} = ?`)
    values.push(wanted)
  }
  const limit = Math.max(0, Math.min(filter.limit ?? 1_000, Number.MAX_SAFE_INTEGER))
  const where = conditions.join(' AND ')
  return statements
    .all<WholeRow>(`SELECT ${wholeRow} FROM entries WHERE ${where} ORDER BY id LIMIT ?`, ...values, limit)
    .map(queueEntry)
}

/** Ids compare as texts: any text has its place among them. */
function rowAfter(id: string): number {
  const row = entryId.row(id)
  if (row > 0 && id === entryId.of(row)) return row
  return id < entryId.of(0) ? 0 : Number.MAX_SAFE_INTEGER
}

/** When the next entry is due or the next lease runs out. */
export function nextDue(statements: Statements): number | undefined {
  return statements.get<{ due_at: number }>('SELECT due_at FROM lanes ORDER BY due_at LIMIT 1')?.due_at
}

export function countsByState(statements: Statements): Record<QueueState, number> {
  const counts = { waiting: 0, leased: 0, held: 0, dead: 0 }
  const rows = statements.all<{ state: QueueState; n: number }>(
    'SELECT state, count(*) AS n FROM entries GROUP BY state',
  )
  for (const { state, n } of rows) counts[state] = n
  return counts
}
