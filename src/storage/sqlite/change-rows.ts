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

/** Changes with the number of the last of them; numbers go up by one, in the order of commits. */
export interface NumberedChanges {
  readonly changes: readonly StorageChange[]
  readonly last: number
}

/**
 * Notes what a commit changes, for all processes on the file. Gives the number of the last change. The origin says nothing:
 * releases that look for it take what has none for that of another process.
 */
export function appendChanges(tx: Transaction, changes: readonly StorageChange[]): number {
  let seq = 0
  for (const change of changes) {
    const messages = change.kind === 'messages' ? change : undefined
    const made = tx.get<{ seq: number }>(
      `INSERT INTO changes (origin, kind, account, mailbox, modseq, before_modseq, before_uid_next)
       VALUES ('', ?, ?, ?, ?, ?, ?) RETURNING seq`,
      change.kind,
      change.kind === 'queue' ? null : change.account,
      messages?.mailbox ?? null,
      messages?.modseq ?? null,
      messages?.before.modseq ?? null,
      messages?.before.uidNext ?? null,
    )
    seq = made?.seq ?? 0
    if (seq % forgottenAtOnce === 0) tx.run('DELETE FROM changes WHERE seq <= ?', seq - mostKept)
  }
  return seq
}

/** The number of the last change. */
export function lastChange(statements: Statements): number {
  return statements.get<{ seq: number | null }>('SELECT max(seq) AS seq FROM changes')?.seq ?? 0
}

/**
 * What changed after change number `seq`. One statement reads the rows, so that no commit comes between them and the last
 * of them.
 */
export function changesAfter(statements: Statements, seq: number): NumberedChanges {
  const rows = statements.all<ChangeRow>('SELECT * FROM changes WHERE seq > ? ORDER BY seq', seq)
  const [first] = rows
  const changes = first && first.seq > seq + 1 ? everything(statements) : rows.map(storageChange)
  return { changes, last: rows.at(-1)?.seq ?? seq }
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
