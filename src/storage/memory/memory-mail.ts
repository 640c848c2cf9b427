import { randomInt } from 'node:crypto'
import { MailError } from '../../core/error.js'
import type {
  CopiedMessage,
  FlagChange,
  FlagResult,
  LocalCopy,
  MailboxId,
  MailboxRecord,
  MailStorage,
  MessageQuery,
  MessageRecord,
  StoredCopy,
  Usage,
} from '../mail-storage.js'
import type { BlobId } from '../storage.js'
import type { ChangeFeed } from './change-feed.js'
import type { Commit } from './commit.js'
import type { Lifetime } from './lifetime.js'
import { type NewMessage, sortFlags } from './mailbox-messages.js'
import type { MemoryBlobs } from './memory-blobs.js'
import { compareNames, type MemoryAccount, MemoryMailbox, namesAbove } from './memory-mailbox.js'

/** What the mailboxes need of the storage around them. */
export interface MailSurroundings {
  readonly lifetime: Lifetime
  readonly blobs: MemoryBlobs
  readonly feed: ChangeFeed
}

/** A {@link LocalCopy} whose parts nobody else can change. */
export type PreparedCopy = Required<Pick<LocalCopy, 'account' | 'mailbox' | 'internalDate' | 'flags'>> &
  Pick<LocalCopy, 'prefix'>

/** Mailboxes and messages in memory. */
export class MemoryMail implements MailStorage {
  readonly #around: MailSurroundings
  readonly #accounts = new Map<string, MemoryAccount>()
  readonly #mailboxes = new Map<MailboxId, MemoryMailbox>()
  #lastId = 0
  /** Grows with each mailbox; begins anywhere, as the UIDs of a process that ended mean nothing in the next. */
  #lastUidValidity = randomInt(1, 2 ** 31)

  constructor(around: MailSurroundings) {
    this.#around = around
  }

  async mailboxes(account: string): Promise<MailboxRecord[]> {
    const { mailboxes } = this.#openAccount(account)
    return [...mailboxes.values()]
      .sort((a, b) => compareNames(a.name, b.name))
      .map(mailbox => mailbox.record())
  }

  async mailbox(account: string, name: string): Promise<MailboxRecord | undefined> {
    return this.#openAccount(account).mailboxes.get(name)?.record()
  }

  async createMailbox(
    account: string,
    name: string,
    options: { readonly specialUse?: string } = {},
  ): Promise<MailboxRecord> {
    const owner = this.#openAccount(account)
    if (owner.mailboxes.has(name)) throw mailboxExists(name)
    const commit = this.#around.feed.begin()
    const mailbox = this.#make(owner, name, commit, options.specialUse)
    this.#around.feed.publish(commit)
    return mailbox.record()
  }

  async renameMailbox(account: string, from: string, to: string): Promise<void> {
    const owner = this.#openAccount(account)
    const mailbox = this.#named(owner, from)
    if (owner.mailboxes.has(to)) throw mailboxExists(to)
    const commit = this.#around.feed.begin()
    if (from === 'INBOX') this.#emptyInbox(owner, mailbox, to, commit)
    else this.#renameTree(owner, from, to, commit)
    this.#around.feed.publish(commit)
  }

  /** RFC 3501 §6.3.5: the messages of INBOX move, the mailboxes below it stay. */
  #emptyInbox(owner: MemoryAccount, inbox: MemoryMailbox, to: string, commit: Commit): void {
    const target = this.#make(owner, to, commit)
    const messages = inbox.messages.list()
    for (const message of messages) this.#append(target, message, commit)
    this.#expunge(
      inbox,
      messages.map(message => message.uid),
      commit,
    )
  }

  #renameTree(owner: MemoryAccount, from: string, to: string, commit: Commit): void {
    const moving = [...owner.mailboxes.values()].filter(
      ({ name }) => name === from || name.startsWith(`${from}/`),
    )
    const names = new Map(moving.map(mailbox => [mailbox, to + mailbox.name.slice(from.length)]))
    for (const name of names.values()) {
      const there = owner.mailboxes.get(name)
      if (there && !names.has(there)) throw mailboxExists(name)
    }
    for (const mailbox of moving) owner.mailboxes.delete(mailbox.name)
    for (const [mailbox, name] of names) {
      mailbox.name = name
      owner.mailboxes.set(name, mailbox)
    }
    this.#makeAbove(owner, to, commit)
    commit.changedMailboxesOf(owner.name)
  }

  async deleteMailbox(account: string, name: string): Promise<void> {
    const owner = this.#openAccount(account)
    const mailbox = this.#named(owner, name)
    owner.mailboxes.delete(name)
    this.#mailboxes.delete(mailbox.id)
    owner.bytes -= mailbox.messages.bytes
    owner.messages -= mailbox.messages.count
    for (const { blob } of mailbox.messages.list()) this.#around.blobs.release(blob)
    const commit = this.#around.feed.begin()
    commit.changedMailboxesOf(account)
    this.#around.feed.publish(commit)
  }

  async setSubscribed(account: string, name: string, subscribed: boolean): Promise<void> {
    this.#named(this.#openAccount(account), name).subscribed = subscribed
  }

  async list(mailbox: MailboxId, query?: MessageQuery): Promise<MessageRecord[]> {
    return this.#byId(mailbox).messages.list(query)
  }

  async setFlags(mailbox: MailboxId, change: FlagChange): Promise<FlagResult> {
    const target = this.#byId(mailbox)
    const commit = this.#around.feed.begin()
    commit.willChange(target)
    const result = target.messages.setFlags(change)
    this.#around.feed.publish(commit)
    return result
  }

  async copy(
    from: MailboxId,
    uids: readonly number[],
    to: MailboxId,
    savedAt: number,
  ): Promise<CopiedMessage[]> {
    const commit = this.#around.feed.begin()
    const copied = this.#copy(this.#byId(from), uids, this.#byId(to), savedAt, commit)
    this.#around.feed.publish(commit)
    return copied
  }

  async move(
    from: MailboxId,
    uids: readonly number[],
    to: MailboxId,
    savedAt: number,
  ): Promise<CopiedMessage[]> {
    const commit = this.#around.feed.begin()
    const source = this.#byId(from)
    const copied = this.#copy(source, uids, this.#byId(to), savedAt, commit)
    this.#expunge(
      source,
      copied.map(message => message.from),
      commit,
    )
    this.#around.feed.publish(commit)
    return copied
  }

  #copy(
    from: MemoryMailbox,
    uids: readonly number[],
    to: MemoryMailbox,
    savedAt: number,
    commit: Commit,
  ): CopiedMessage[] {
    const messages = [...new Set(uids)]
      .map(uid => from.messages.get(uid))
      .filter(message => message !== undefined)
    return messages.map(message => ({
      from: message.uid,
      to: this.#append(to, { ...message, savedAt }, commit).uid,
    }))
  }

  async expunge(mailbox: MailboxId, uids: readonly number[]): Promise<number[]> {
    const commit = this.#around.feed.begin()
    const removed = this.#expunge(this.#byId(mailbox), uids, commit)
    this.#around.feed.publish(commit)
    return removed.map(message => message.uid)
  }

  async vanished(mailbox: MailboxId, since: number): Promise<number[]> {
    return this.#byId(mailbox).messages.vanished(since)
  }

  async usage(account: string): Promise<Usage> {
    this.#around.lifetime.assertOpen()
    const { bytes, messages } = this.#accounts.get(account) ?? { bytes: 0, messages: 0 }
    return { bytes, messages }
  }

  /** Stores prepared copies. Nothing in it fails, also while the storage is closing. */
  store(
    copies: readonly PreparedCopy[],
    blob: BlobId,
    size: number,
    savedAt: number,
    commit: Commit,
  ): StoredCopy[] {
    return copies.map(({ account, mailbox, flags, internalDate, prefix }) => {
      const owner = this.#account(account)
      const target = owner.mailboxes.get(mailbox) ?? this.#make(owner, mailbox, commit)
      const message = prefix
        ? { flags, internalDate, savedAt, size: size + prefix.length, blob, prefix }
        : { flags, internalDate, savedAt, size, blob }
      const { uid, modseq } = this.#append(target, message, commit)
      const { id: mailboxId, uidValidity } = target
      return Object.freeze({ account, mailbox, mailboxId, uidValidity, uid, modseq })
    })
  }

  #append(mailbox: MemoryMailbox, message: NewMessage, commit: Commit): MessageRecord {
    commit.willChange(mailbox)
    const record = mailbox.messages.append(message)
    mailbox.account.bytes += record.size
    mailbox.account.messages++
    this.#around.blobs.refer(record.blob, 1)
    return record
  }

  #expunge(mailbox: MemoryMailbox, uids: readonly number[], commit: Commit): MessageRecord[] {
    commit.willChange(mailbox)
    const removed = mailbox.messages.expunge(uids)
    for (const { size, blob } of removed) {
      mailbox.account.bytes -= size
      mailbox.account.messages--
      this.#around.blobs.release(blob)
    }
    return removed
  }

  /** Makes a mailbox, and those above it. */
  #make(owner: MemoryAccount, name: string, commit: Commit, specialUse?: string): MemoryMailbox {
    this.#makeAbove(owner, name, commit)
    commit.changedMailboxesOf(owner.name)
    return this.#makeOne(owner, name, specialUse)
  }

  #makeAbove(owner: MemoryAccount, name: string, commit: Commit): void {
    for (const above of namesAbove(name)) {
      if (owner.mailboxes.has(above)) continue
      commit.changedMailboxesOf(owner.name)
      this.#makeOne(owner, above)
    }
  }

  #makeOne(owner: MemoryAccount, name: string, specialUse?: string): MemoryMailbox {
    const id = `m${(++this.#lastId).toString(36)}`
    const mailbox = new MemoryMailbox(owner, id, ++this.#lastUidValidity, name, specialUse)
    owner.mailboxes.set(name, mailbox)
    this.#mailboxes.set(id, mailbox)
    return mailbox
  }

  #openAccount(name: string): MemoryAccount {
    this.#around.lifetime.assertOpen()
    return this.#account(name)
  }

  #account(name: string): MemoryAccount {
    let account = this.#accounts.get(name)
    if (!account) {
      account = { name, mailboxes: new Map(), bytes: 0, messages: 0 }
      this.#accounts.set(name, account)
      this.#makeOne(account, 'INBOX')
    }
    return account
  }

  #named(account: MemoryAccount, name: string): MemoryMailbox {
    const mailbox = account.mailboxes.get(name)
    if (mailbox) return mailbox
    throw new MailError('NO_SUCH_MAILBOX', `mailbox ${JSON.stringify(name)} does not exist`)
  }

  #byId(id: MailboxId): MemoryMailbox {
    this.#around.lifetime.assertOpen()
    const mailbox = this.#mailboxes.get(id)
    if (mailbox) return mailbox
    throw new MailError('NO_SUCH_MAILBOX', 'the mailbox does not exist any more')
  }
}

/** Reads all that {@link MemoryMail.store} needs of a copy, so that a bad one fails before anything is stored. */
export function prepareCopy({ account, mailbox, internalDate, flags = [], prefix }: LocalCopy): PreparedCopy {
  const copy = { account, mailbox, internalDate, flags: sortFlags(flags) }
  return prefix?.length ? { ...copy, prefix: new Uint8Array(prefix) } : copy
}

function mailboxExists(name: string): MailError {
  return new MailError('MAILBOX_EXISTS', `mailbox ${JSON.stringify(name)} exists`)
}
