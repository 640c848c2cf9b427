import type { StorageChange } from 'posthorn'
import { Mailboxes } from './mailboxes.ts'
import type { Tables } from './tables.ts'

/** What listeners are told of a commit. */
export function changesOf(before: Tables, after: Tables): StorageChange[] {
  const rows = after.changesSince(before)
  const keys = (table: string) => rows.filter(([name]) => name === table).map(([, key]) => key)
  const changed = keys('mailboxes').flatMap(id => after.mailboxes.get(id) ?? before.mailboxes.get(id) ?? [])
  const accounts = new Set(changed.map(({ account }) => account))
  const ids = new Set(keys('messages').map(key => after.messages.get(key)?.mailbox))
  const touched = [...after.mailboxes.values()].filter(({ id }) => ids.has(id))
  const waiting = keys('entries')
    .map(id => after.entries.get(id))
    .filter(entry => entry?.state === 'waiting')
  const dueAt = Math.min(...waiting.map(entry => entry?.dueAt ?? 0))
  return [
    ...[...accounts].map(account => ({ kind: 'mailboxes', account }) as const),
    ...touched.map(({ id, account, name: mailbox }) => {
      const { modseq } = new Mailboxes(after).counters(id)
      const isNew = !before.mailboxes.has(id)
      const was = isNew ? { modseq: 1, uidNext: 1 } : new Mailboxes(before).counters(id)
      return { kind: 'messages', account, mailbox, modseq, before: was } as const
    }),
    ...(waiting.length > 0 ? [{ kind: 'queue', dueAt } as const] : []),
  ]
}
