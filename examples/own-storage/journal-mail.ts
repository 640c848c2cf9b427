import { randomUUID } from 'node:crypto'
import {
  type AccountsQuery,
  type CopiedMessage,
  type FlagChange,
  type FlagResult,
  type LocalCopy,
  type MailboxId,
  type MailboxRecord,
  MailError,
  type MailStorage,
  type MessageQuery,
  type MessageRecord,
  type StoredCopy,
  type UidRange,
  type Usage,
} from 'posthorn'
import type { StagedBlob } from './blob-files.ts'
import type { ChangeFeed } from './change-feed.ts'
import { type MailboxRow, type MessageRow, nextNumber, type Tables } from './rows.ts'
import type { Work } from './work.ts'

/** What the parts of the storage share. */
export interface Shared {
  readonly tables: Tables
  readonly work: Work
  readonly feed: ChangeFeed
  /** Counts references to a blob, within a commit. */
  refer(blob: string, count: number): void
}

/** Mailboxes and messages. Methods that begin with `#` run within a commit. */
export class JournalMail implements MailStorage {
  readonly #shared: Shared
  readonly #tables: Tables

  constructor(shared: Shared) {
    this.#shared = shared
    this.#tables = shared.tables
  }

  mailboxes(account: string): Promise<MailboxRecord[]> {
    return this.#shared.work.do(() => {
      this.#mailbox(account, 'INBOX')
      const rank = ({ name }: MailboxRow) => (name === 'INBOX' ? '' : name)
      return [...this.#tables.mailboxes.rows(account)]
        .sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
        .map(mailbox => this.#record(mailbox))
    })
  }

  mailbox(account: string, name: string): Promise<MailboxRecord | undefined> {
    return this.#shared.work.do(() => {
      const mailbox = this.#mailbox(account, name)
      return mailbox && this.#record(mailbox)
    })
  }

  createMailbox(
    account: string,
    name: string,
    options: { specialUse?: string } = {},
  ): Promise<MailboxRecord> {
    return this.#shared.work.do(() => {
      if (this.#mailbox(account, name)) throw exists(name)
      return this.#record(this.#make(account, name, options))
    })
  }

  renameMailbox(account: string, from: string, to: string): Promise<void> {
    return this.#shared.work.do(() => {
      const mailbox = this.#there(account, from)
      if (this.#mailbox(account, to)) throw exists(to)
      if (from === 'INBOX') this.#emptyInbox(mailbox, to)
      else this.#rename(account, from, to)
      this.#shared.feed.mailboxesOf(account)
    })
  }

  #rename(account: string, from: string, to: string): void {
    const all = [...this.#tables.mailboxes.rows(account)]
    const moving = all.filter(({ name }) => name === from || name.startsWith(`${from}/`))
    for (const mailbox of moving) {
      const name = to + mailbox.name.slice(from.length)
      const there = all.find(other => other.name === name)
      if (there && !moving.includes(there)) throw exists(name)
      this.#tables.mailboxes.put(mailbox.id, { ...mailbox, name })
    }
    this.#makeAbove(account, to)
  }

  /** RFC 3501 §6.3.5: the messages of INBOX move, and INBOX stays. */
  #emptyInbox(inbox: MailboxRow, to: string): void {
    const { id } = this.#make(inbox.account, to)
    const messages = this.#messages(inbox.id)
    for (const message of messages) this.#append(id, message)
    this.#expunge(inbox.id, messages)
  }

  deleteMailbox(account: string, name: string): Promise<void> {
    return this.#shared.work.do(() => {
      const { id } = this.#there(account, name)
      for (const message of this.#messages(id)) this.#remove(message)
      for (const { uid } of [...this.#tables.tombstones.rows(id)])
        this.#tables.tombstones.delete(key(id, uid))
      this.#tables.mailboxes.delete(id)
      this.#shared.feed.mailboxesOf(account)
    })
  }

  setSubscribed(account: string, name: string, subscribed: boolean): Promise<void> {
    return this.#shared.work.do(() => {
      const mailbox = this.#there(account, name)
      this.#tables.mailboxes.put(mailbox.id, { ...mailbox, subscribed })
    })
  }

  list(mailbox: MailboxId, query: MessageQuery = {}): Promise<MessageRecord[]> {
    return this.#shared.work.do(() => {
      const { uids = [{ from: 1, to: Number.POSITIVE_INFINITY }], changedSince = 0, limit } = query
      this.#byId(mailbox)
      return this.#messages(mailbox)
        .filter(message => isIn(uids, message.uid) && message.modseq > changedSince)
        .slice(0, limit)
        .map(toRecord)
    })
  }

  setFlags(mailbox: MailboxId, change: FlagChange): Promise<FlagResult> {
    return this.#shared.work.do(() => {
      const modseq = this.#byId(mailbox).highestModseq + 1
      const { unchangedSince = Number.POSITIVE_INFINITY } = change
      const asked = this.#messages(mailbox).filter(message => isIn(change.uids, message.uid))
      const modified = asked.filter(message => message.modseq > unchangedSince)
      const messages = asked.filter(message => message.modseq <= unchangedSince)
      const changed = messages.map(message => {
        const flags = changeFlags(message.flags, change)
        if (flags.join(' ') === message.flags.join(' ')) return message
        this.#touch(mailbox, { highestModseq: modseq })
        const row = { ...message, flags, modseq }
        this.#tables.messages.put(key(mailbox, row.uid), row)
        return row
      })
      return { messages: changed.map(toRecord), modified: modified.map(message => message.uid) }
    })
  }

  copy(from: MailboxId, uids: readonly number[], to: MailboxId, savedAt: number): Promise<CopiedMessage[]> {
    return this.#shared.work.do(() => this.#copy(from, uids, to, savedAt))
  }

  move(from: MailboxId, uids: readonly number[], to: MailboxId, savedAt: number): Promise<CopiedMessage[]> {
    return this.#shared.work.do(() => {
      const copied = this.#copy(from, uids, to, savedAt)
      this.#expunge(
        from,
        this.#find(
          from,
          copied.map(message => message.from),
        ),
      )
      return copied
    })
  }

  #copy(from: MailboxId, uids: readonly number[], to: MailboxId, savedAt: number): CopiedMessage[] {
    this.#byId(from)
    this.#byId(to)
    return this.#find(from, uids).map(message => ({
      from: message.uid,
      to: this.#append(to, { ...message, savedAt }).uid,
    }))
  }

  expunge(mailbox: MailboxId, uids: readonly number[]): Promise<number[]> {
    return this.#shared.work.do(() => {
      this.#byId(mailbox)
      const removed = this.#find(mailbox, uids).sort((a, b) => a.uid - b.uid)
      this.#expunge(mailbox, removed)
      return removed.map(message => message.uid)
    })
  }

  vanished(mailbox: MailboxId, since: number): Promise<number[]> {
    return this.#shared.work.do(() => {
      this.#byId(mailbox)
      const gone = [...this.#tables.tombstones.rows(mailbox)].filter(({ modseq }) => modseq > since)
      return gone.map(({ uid }) => uid).sort((a, b) => a - b)
    })
  }

  usage(account: string): Promise<Usage> {
    return this.#shared.work.do(() => {
      const records = [...this.#tables.mailboxes.rows(account)].map(mailbox => this.#record(mailbox))
      return { messages: sum(records, 'messages'), bytes: sum(records, 'bytes') }
    })
  }

  accounts({ after = '', limit = 1_000 }: AccountsQuery = {}): Promise<string[]> {
    return this.#shared.work.do(() => {
      const names = [...this.#tables.mailboxes.groups()].filter(name => name > after)
      return names.sort().slice(0, limit)
    })
  }

  /** Stores the copies of a batch, within a commit. */
  store(copies: readonly LocalCopy[], { id: blob, size }: StagedBlob, savedAt: number): StoredCopy[] {
    return copies.map(({ account, mailbox: name, flags = [], internalDate, prefix }) => {
      const mailbox = this.#mailbox(account, name) ?? this.#make(account, name)
      const { uid, modseq } = this.#append(mailbox.id, {
        flags: [...new Set(flags)].sort(),
        internalDate,
        savedAt,
        size: size + (prefix?.length ?? 0),
        blob,
        ...(prefix?.length && { prefix: Buffer.from(prefix).toString('base64') }),
      })
      return { account, mailbox: name, mailboxId: mailbox.id, uidValidity: mailbox.uidValidity, uid, modseq }
    })
  }

  #append(mailbox: MailboxId, message: Omit<MessageRow, 'mailbox' | 'uid' | 'modseq'>): MessageRow {
    const { uidNext, highestModseq } = this.#byId(mailbox)
    const row = { ...message, mailbox, uid: uidNext, modseq: highestModseq + 1 }
    this.#touch(mailbox, { uidNext: uidNext + 1, highestModseq: row.modseq })
    this.#tables.messages.put(key(mailbox, row.uid), row)
    this.#shared.refer(row.blob, 1)
    return row
  }

  #expunge(mailbox: MailboxId, messages: readonly MessageRow[]): void {
    if (messages.length === 0) return
    const modseq = this.#byId(mailbox).highestModseq + 1
    this.#touch(mailbox, { highestModseq: modseq })
    for (const message of messages) {
      this.#remove(message)
      this.#tables.tombstones.put(key(mailbox, message.uid), { mailbox, uid: message.uid, modseq })
    }
  }

  #remove({ mailbox, uid, blob }: MessageRow): void {
    this.#tables.messages.delete(key(mailbox, uid))
    this.#shared.refer(blob, -1)
  }

  #touch(id: MailboxId, counters: Partial<Pick<MailboxRow, 'uidNext' | 'highestModseq'>>): void {
    const mailbox = this.#byId(id)
    this.#shared.feed.willChange(mailbox)
    this.#tables.mailboxes.put(id, { ...mailbox, ...counters })
  }

  /** A mailbox by name. Every account has an INBOX, which is made when somebody looks for it. */
  #mailbox(account: string, name: string): MailboxRow | undefined {
    for (const mailbox of this.#tables.mailboxes.rows(account)) if (mailbox.name === name) return mailbox
    return name === 'INBOX' ? this.#makeOne(account, name) : undefined
  }

  #there(account: string, name: string): MailboxRow {
    const mailbox = this.#mailbox(account, name)
    if (mailbox) return mailbox
    throw new MailError('NO_SUCH_MAILBOX', `mailbox ${JSON.stringify(name)} does not exist`)
  }

  #byId(id: MailboxId): MailboxRow {
    const mailbox = this.#tables.mailboxes.get(id)
    if (mailbox) return mailbox
    throw new MailError('NO_SUCH_MAILBOX', 'the mailbox does not exist any more')
  }

  #make(account: string, name: string, options: { specialUse?: string } = {}): MailboxRow {
    this.#mailbox(account, 'INBOX')
    this.#makeAbove(account, name)
    this.#shared.feed.mailboxesOf(account)
    return this.#makeOne(account, name, options)
  }

  #makeAbove(account: string, name: string): void {
    const levels = name.split('/')
    for (let depth = 1; depth < levels.length; depth++) {
      const above = levels.slice(0, depth).join('/')
      if (!this.#mailbox(account, above)) this.#makeOne(account, above)
    }
  }

  #makeOne(account: string, name: string, options: { specialUse?: string } = {}): MailboxRow {
    const uidValidity = nextNumber(this.#tables, 'uidValidity')
    const counters = { uidValidity, uidNext: 1, highestModseq: 1 }
    const mailbox = { id: randomUUID(), account, name, ...counters, ...options, subscribed: false }
    this.#tables.mailboxes.put(mailbox.id, mailbox)
    return mailbox
  }

  #record(mailbox: MailboxRow): MailboxRecord {
    const messages = [...this.#tables.messages.rows(mailbox.id)]
    const unseen = messages.filter(({ flags }) => !flags.includes('\\Seen')).length
    return { ...mailbox, messages: messages.length, unseen, bytes: sum(messages, 'size') }
  }

  #messages(mailbox: MailboxId): MessageRow[] {
    return [...this.#tables.messages.rows(mailbox)].sort((a, b) => a.uid - b.uid)
  }

  #find(mailbox: MailboxId, uids: readonly number[]): MessageRow[] {
    const found = [...new Set(uids)].map(uid => this.#tables.messages.get(key(mailbox, uid)))
    return found.filter(message => message !== undefined)
  }
}

function key(mailbox: MailboxId, uid: number): string {
  return `${mailbox}/${uid}`
}

/** A record for the reader alone: who changes it changes nothing here. */
function toRecord({ mailbox: _, prefix, flags, ...message }: MessageRow): MessageRecord {
  const record = { ...message, flags: [...flags] }
  return prefix === undefined ? record : { ...record, prefix: Buffer.from(prefix, 'base64') }
}

function isIn(ranges: readonly UidRange[], uid: number): boolean {
  return ranges.some(({ from, to }) => uid >= from && uid <= to)
}

function changeFlags(before: readonly string[], { mode, flags }: FlagChange): string[] {
  if (mode === 'remove') return before.filter(flag => !flags.includes(flag))
  return [...new Set(mode === 'add' ? [...before, ...flags] : flags)].sort()
}

function sum<Field extends string>(
  rows: readonly { readonly [Key in Field]: number }[],
  field: Field,
): number {
  return rows.reduce((total, row) => total + row[field], 0)
}

function exists(name: string): MailError {
  return new MailError('MAILBOX_EXISTS', `mailbox ${JSON.stringify(name)} exists`)
}
