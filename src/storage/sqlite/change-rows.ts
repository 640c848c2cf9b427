import type { StorageChange } from '../storage.js'
import type { Statements } from './sqlite-database.js'
import type { Transaction } from './transaction.js'

/** Rows that are kept: what a process may miss between two looks. */
const mostKept = 100_000
const forgottenAtOnce = 100

interface ChangeRow {
  readonly seq: number
  readonly kind: StorageChange['kind']
  readonly account: string
  readonly mailbox: string
  readonly modseq: number
  readonly before_modseq: number
  readonly before_uid_next: number
}

/** Notes what a commit changes, for other processes. */
export function appendChanges(tx: Transaction, origin: string, changes: readonly StorageChange[]): void {
  for (const change of changes) {
    const messages = change.kind === 'messages' ? change : undefined
    const made = tx.get<{ seq: number }>(
      `INSERT INTO changes (origin, kind, account, mailbox, modseq, before_modseq, before_uid_next)
       VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING seq`,
      origin,
      change.kind,
      change.kind === 'queue' ? null : change.account,
      messages?.mailbox ?? null,
      messages?.modseq ?? null,
      messages?.before.modseq ?? null,
      messages?.before.uidNext ?? null,
    )
    const seq = made?.seq ?? 0
    if (seq % forgottenAtOnce === 0) tx.run('DELETE FROM changes WHERE seq <= ?', seq - mostKept)
  }
}

/** The number of the last change. */
export function lastChange(statements: Statements): number {
  return statements.get<{ seq: number | null }>('SELECT max(seq) AS seq FROM changes')?.seq ?? 0
}

/** What changed after `seq`, but for what `origin` changed itself. */
export function changesAfter(statements: Statements, seq: number, origin: string): StorageChange[] {
  const first = statements.get<{ seq: number | null }>('SELECT min(seq) AS seq FROM changes')?.seq ?? 0
  if (first > seq + 1) return everything(statements)
  return statements
    .all<ChangeRow>('SELECT * FROM changes WHERE seq > ? AND origin <> ? ORDER BY seq', seq, origin)
    .map(storageChange)
}

function storageChange(row: ChangeRow): StorageChange {
  if (row.kind === 'queue') return { kind: 'queue' }
  if (row.kind === 'mailboxes') return { kind: 'mailboxes', account: row.account }
  const before = { modseq: row.before_modseq, uidNext: row.before_uid_next }
  return { kind: 'messages', account: row.account, mailbox: row.mailbox, modseq: row.modseq, before }
}

/** For a process that has missed more than is kept: anything may have changed. */
function everything(statements: Statements): StorageChange[] {
  const accounts = statements.all<{ account: string }>('SELECT DISTINCT account FROM mailboxes')
  const mailboxes = statements.all<{ account: string; mailbox: string; modseq: number }>(
    'SELECT account, name AS mailbox, modseq FROM mailboxes WHERE modseq > 1',
  )
  const before = { modseq: 1, uidNext: 1 }
  return [
    ...accounts.map(({ account }) => ({ kind: 'mailboxes', account }) as const),
    ...mailboxes.map(({ account, mailbox, modseq }) => {
      return { kind: 'messages', account, mailbox, modseq, before } as const
    }),
    { kind: 'queue' },
  ]
}
