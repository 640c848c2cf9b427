import { type FlagChange, MailError, type MailStorage, type MessageRecord, type UidRange } from 'posthorn'
import type { Parts } from './accept-batches.ts'
import type { Calls } from './journal.ts'
import type { Kept } from './mailboxes.ts'
import type { MailboxRow } from './tables.ts'

/** What the calls of `MailStorage` do, each within one commit. */
export function mailCalls({ tables, mailboxes }: Parts): Calls<MailStorage> {
  const put = (row: MailboxRow) => tables.mailboxes.put(row.id, row)
  return {
    mailboxes(account) {
      const inbox = mailboxes.get(account, 'INBOX')
      const others = mailboxes.of(account).filter(({ id }) => id !== inbox.id)
      return [inbox, ...others.sort((a, b) => (a.name < b.name ? -1 : 1))].map(row => mailboxes.count(row))
    },

    mailbox(account, name) {
      const row = mailboxes.find(account, name)
      return row && mailboxes.count(row)
    },

    createMailbox(account, name, options) {
      if (mailboxes.find(account, name)) throw exists(name)
      return mailboxes.count(mailboxes.make(account, name, options))
    },

    renameMailbox(account, from, to) {
      const { id } = mailboxes.get(account, from)
      if (mailboxes.find(account, to)) throw exists(to)
      if (from !== 'INBOX') {
        for (const row of renamed(mailboxes.of(account), from, to)) put(row)
        return mailboxes.makeAbove(account, to)
      }
      // RFC 3501 §6.3.5: the messages of INBOX move, and INBOX stays.
      const target = mailboxes.make(account, to)
      for (const { message } of mailboxes.messages(id)) mailboxes.add(target.id, message)
      mailboxes.expunge(id, mailboxes.messages(id))
    },

    deleteMailbox: (account, name) => mailboxes.delete(mailboxes.get(account, name).id),

    setSubscribed(account, name, subscribed) {
      put({ ...mailboxes.get(account, name), subscribed })
    },

    list(mailbox, { uids = [{ from: 1, to: Number.POSITIVE_INFINITY }], changedSince = 0, limit } = {}) {
      const found = mailboxes
        .messages(mailbox)
        .filter(row => isIn(uids, row.uid) && row.modseq > changedSince)
      return found.slice(0, limit).map(toRecord)
    },

    setFlags(mailbox, change) {
      const { uids, unchangedSince = Number.POSITIVE_INFINITY } = change
      const modseq = mailboxes.counters(mailbox).highestModseq + 1
      const asked = mailboxes.messages(mailbox).filter(({ uid }) => isIn(uids, uid))
      const messages = asked.filter(row => row.modseq <= unchangedSince)
      const changed = messages.map(row => {
        const flags = changeFlags(row.message.flags, change)
        if (flags.join(' ') === row.message.flags.join(' ')) return row
        return mailboxes.put({ ...row, modseq, message: { ...row.message, flags } })
      })
      const modified = asked.filter(row => row.modseq > unchangedSince)
      return { messages: changed.map(toRecord), modified: modified.map(({ uid }) => uid) }
    },

    copy(from, uids, to, savedAt) {
      const copies = mailboxes.pick(from, uids)
      return copies.map(({ uid, message }) => ({
        from: uid,
        to: mailboxes.add(to, { ...message, savedAt }).uid,
      }))
    },

    move(from, uids, to, savedAt) {
      const messages = mailboxes.pick(from, uids)
      const moved = this.copy(from, uids, to, savedAt)
      mailboxes.expunge(from, messages)
      return moved
    },

    expunge(mailbox, uids) {
      const messages = mailboxes.pick(mailbox, uids).sort((a, b) => a.uid - b.uid)
      mailboxes.expunge(mailbox, messages)
      return messages.map(({ uid }) => uid)
    },

    vanished(mailbox, since) {
      const gone = mailboxes.rows(mailbox).filter(row => !row.message && row.modseq > since)
      return gone.map(({ uid }) => uid)
    },

    usage(account) {
      const all = mailboxes.of(account).flatMap(({ id }) => mailboxes.messages(id))
      return { messages: all.length, bytes: all.reduce((bytes, { message }) => bytes + message.size, 0) }
    },

    accounts({ after = '', limit = 1_000 } = {}) {
      const names = new Set(tables.mailboxes.rows().map(({ account }) => account))
      return [...names]
        .filter(name => name > after)
        .sort()
        .slice(0, limit)
    },
  }
}

/** A mailbox and those below it under their new names. */
function renamed(all: readonly MailboxRow[], from: string, to: string): MailboxRow[] {
  const isMoving = ({ name }: MailboxRow) => name === from || name.startsWith(`${from}/`)
  return all.filter(isMoving).map(row => {
    const name = to + row.name.slice(from.length)
    if (all.some(other => other.name === name && !isMoving(other))) throw exists(name)
    return { ...row, name }
  })
}

function toRecord({ uid, modseq, message: { prefix, ...message } }: Kept): MessageRecord {
  return { uid, modseq, ...message, ...(prefix && { prefix: Buffer.from(prefix, 'base64') }) }
}

function isIn(ranges: readonly UidRange[], uid: number): boolean {
  return ranges.some(({ from, to }) => uid >= from && uid <= to)
}

function changeFlags(before: readonly string[], { mode, flags }: FlagChange): string[] {
  if (mode === 'remove') return before.filter(flag => !flags.includes(flag))
  return [...new Set(mode === 'add' ? [...before, ...flags] : flags)].sort()
}

function exists(name: string): MailError {
  return new MailError('MAILBOX_EXISTS', `mailbox ${JSON.stringify(name)} exists`)
}
