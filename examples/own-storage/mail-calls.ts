import {
  changeFlags,
  compareMailboxNames,
  inUidRanges,
  type MailStorage,
  type MessageRecord,
  mailboxExists,
  mailboxesAbove,
  renamedMailboxes,
} from 'posthorn'
import type { Calls } from './journal.ts'
import { Mailboxes } from './mailboxes.ts'
import type { MessageRow, Tables } from './tables.ts'

/** What the calls of `MailStorage` do, each within one commit. */
export function mailCalls(tables: Tables): Calls<MailStorage> {
  const mailboxes = new Mailboxes(tables)
  const copy: Calls<MailStorage>['copy'] = (from, uids, to, savedAt) => {
    const messages = new Map(mailboxes.messages(from).map(row => [row.uid, row]))
    const found = [...new Set(uids)].flatMap(uid => messages.get(uid) ?? [])
    return found.map(row => ({ from: row.uid, to: mailboxes.add(to, { ...row, savedAt }).uid }))
  }
  return {
    mailboxes(account) {
      const all = mailboxes.of(account).sort((a, b) => compareMailboxNames(a.name, b.name))
      return all.map(row => mailboxes.record(row))
    },
    mailbox(account, name) {
      const row = mailboxes.find(account, name)
      return row && mailboxes.record(row)
    },
    createMailbox(account, name, options) {
      if (mailboxes.find(account, name)) throw mailboxExists(name)
      return mailboxes.record(mailboxes.ensure(account, name, options))
    },
    renameMailbox(account, from, to) {
      const { id } = mailboxes.get(account, from)
      const all = mailboxes.of(account)
      const names = all.map(({ name }) => name)
      const renamed = renamedMailboxes(names, from, to)
      for (const row of all)
        if (renamed.has(row.name)) tables.mailboxes.set(row.id, { ...row, name: renamed.get(row.name) ?? '' })
      for (const above of mailboxesAbove(to)) mailboxes.ensure(account, above)
      if (from !== 'INBOX') return
      const target = mailboxes.ensure(account, to)
      for (const message of mailboxes.messages(id)) {
        mailboxes.add(target.id, message)
        mailboxes.expunge(id, [message.uid])
      }
    },
    deleteMailbox(account, name) {
      const { id } = mailboxes.get(account, name)
      for (const { uid } of mailboxes.rows(id)) tables.messages.delete(`${id}/${uid}`)
      tables.mailboxes.delete(id)
    },
    setSubscribed(account, name, subscribed) {
      const row = mailboxes.get(account, name)
      tables.mailboxes.set(row.id, { ...row, subscribed })
    },
    list(mailbox, { uids, changedSince = 0, limit } = {}) {
      const wanted = mailboxes.messages(mailbox).filter(({ uid }) => !uids || inUidRanges(uid, uids))
      const changed = wanted.filter(({ modseq }) => modseq > changedSince)
      return changed.slice(0, limit).map(toRecord)
    },
    setFlags(mailbox, change) {
      const { uids, unchangedSince = Number.POSITIVE_INFINITY } = change
      const modseq = mailboxes.counters(mailbox).modseq + 1
      const asked = mailboxes.messages(mailbox).filter(({ uid }) => inUidRanges(uid, uids))
      const messages = asked.filter(row => row.modseq <= unchangedSince)
      const changed = messages.map(row => {
        const flags = changeFlags(row.flags, change)
        return flags.join(' ') === row.flags.join(' ') ? row : mailboxes.put({ ...row, flags, modseq })
      })
      const modified = asked.filter(row => row.modseq > unchangedSince)
      return { messages: changed.map(toRecord), modified: modified.map(({ uid }) => uid) }
    },
    copy,
    move(from, uids, to, savedAt) {
      const moved = copy(from, uids, to, savedAt)
      const gone = moved.map(message => message.from)
      mailboxes.expunge(from, gone)
      return moved
    },
    expunge: (mailbox, uids) => mailboxes.expunge(mailbox, uids),
    vanished(mailbox, since) {
      const gone = mailboxes.rows(mailbox).filter(({ isGone, modseq }) => isGone && modseq > since)
      return gone.map(({ uid }) => uid)
    },
    usage(account) {
      const all = mailboxes.of(account).flatMap(({ id }) => mailboxes.messages(id))
      return { messages: all.length, bytes: all.reduce((sum, { size }) => sum + size, 0) }
    },
    accounts({ after = '', limit = 1_000 } = {}) {
      const names = new Set([...tables.mailboxes.values()].map(({ account }) => account))
      const behind = [...names].filter(name => name > after)
      return behind.sort().slice(0, limit)
    },
  }
}

function toRecord({ mailbox: _, isGone: __, prefix, ...record }: MessageRow): MessageRecord {
  return { ...record, ...(prefix && { prefix: Buffer.from(prefix, 'base64') }) }
}
