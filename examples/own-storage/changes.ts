import type { StorageChange } from 'posthorn'
import type { Parts } from './accept-batches.ts'
import type { Change } from './table.ts'
import type { EntryRow, MailboxRow, MessageRow } from './tables.ts'

/** What listeners are told of the rows that a commit changed. */
export function changesOf(changes: readonly Change[], { tables, mailboxes }: Parts): StorageChange[] {
  const accounts = new Set<string>()
  const messages = new Map<string, Change[]>()
  let queue = false
  for (const change of changes) {
    const row = change.after ?? change.before
    if (change.table === tables.mailboxes) accounts.add((row as MailboxRow).account)
    if (change.table === tables.entries && change.after) queue ||= (row as EntryRow).state === 'waiting'
    if (change.table === tables.messages && change.after) {
      const { mailbox } = row as MessageRow
      messages.set(mailbox, [...(messages.get(mailbox) ?? []), change])
    }
  }
  const told: StorageChange[] = [...accounts].map(account => ({ kind: 'mailboxes', account }))
  for (const [id, rows] of messages) {
    const row = tables.mailboxes.get(id)
    if (!row) continue
    const { account, name: mailbox } = row
    told.push({ kind: 'messages', account, mailbox, ...span(rows, mailboxes.counters(id).uidNext) })
  }
  return queue ? [...told, { kind: 'queue' }] : told
}

/** From what the counters of a mailbox were before its rows changed to what they are. */
function span(changes: readonly Change[], uidNext: number) {
  const modseqs = changes.map(({ after }) => (after as MessageRow).modseq)
  const added = changes.filter(({ before }) => !before).map(({ after }) => (after as MessageRow).uid)
  return {
    modseq: Math.max(...modseqs),
    before: { modseq: Math.min(...modseqs) - 1, uidNext: Math.min(uidNext, ...added) },
  }
}
