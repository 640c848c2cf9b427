import type {
  AccountsQuery,
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
import { compareMailboxNames, mailboxExists, renamedMailboxes } from '../mailbox-names.js'
import { sortFlags } from '../message-flags.js'
import type { BlobId } from '../storage.js'
import type { StorageLifetime } from '../storage-lifetime.js'
import type { ChangeFeed } from './change-feed.js'
import type { Commit } from './commit.js'
import type { NewMessage } from './mailbox-messages.js'
import { MailboxTree } from './mailbox-tree.js'
import type { MemoryBlobs } from './memory-blobs.js'
import type { MemoryAccount, MemoryMailbox } from './memory-mailbox.js'

/** What the mailboxes need of the storage around them. */
export interface MailSurroundings {
  readonly lifetime: StorageLifetime
  readonly blobs: MemoryBlobs
  readonly feed: ChangeFeed
}

/** A {@link LocalCopy} whose parts nobody else can change. */
export type PreparedCopy = Required<Pick<LocalCopy, 'account' | 'mailbox' | 'internalDate' | 'flags'>> &
  Pick<LocalCopy, 'prefix'>

/** Mailboxes and messages in memory. */
export class MemoryMail implements MailStorage {
  readonly #around: MailSurroundings
  readonly #tree = new MailboxTree()

  constructor(around: MailSurroundings) {
    this.#around = around
  }

  async mailboxes(account: string): Promise<MailboxRecord[]> {
    const { mailboxes } = this.#account(account)
    return [...mailboxes.values()]
      .sort((a, b) => compareMailboxNames(a.name, b.name))
      .map(mailbox => mailbox.record())
  }

  async mailbox(account: string, name: string): Promise<MailboxRecord | undefined> {
    return this.#account(account).mailboxes.get(name)?.record()
  }

  async createMailbox(
    account: string,
    name: string,
    options: { readonly specialUse?: string } = {},
  ): Promise<MailboxRecord> {
    const owner = this.#account(account)
    if (owner.mailboxes.has(name)) throw mailboxExists(name)
    const commit = this.#around.feed.begin()
    const mailbox = this.#tree.make(owner, name, commit, options.specialUse)
    this.#around.feed.publish(commit)
    return mailbox.record()
  }

  async renameMailbox(account: string, from: string, to: string): Promise<void> {
    const owner = this.#account(account)
    const mailbox = this.#tree.byName(owner, from)
    const names = renamedMailboxes(owner.mailboxes.keys(), from, to)
    const commit = this.#around.feed.begin()
    if (from === 'INBOX') this.#emptyInbox(owner, mailbox, to, commit)
    else this.#tree.rename(owner, to, names, commit)
    this.#around.feed.publish(commit)
  }

  /** RFC 3501 §6.3.5: the messages of INBOX move, the mailboxes below it stay. */
  #emptyInbox(owner: MemoryAccount, inbox: MemoryMailbox, to: string, commit: Commit): void {
    const target = this.#tree.make(owner, to, commit)
    const messages = inbox.messages.list()
    for (const message of messages) this.#append(target, message, commit)
    this.#expunge(
      inbox,
      messages.map(message => message.uid),
      commit,
    )
  }

  async deleteMailbox(account: string, name: string): Promise<void> {
    const owner = this.#account(account)
    const mailbox = this.#tree.byName(owner, name)
    const commit = this.#around.feed.begin()
    this.#tree.remove(mailbox, commit)
    owner.bytes -= mailbox.messages.bytes
    owner.messages -= mailbox.messages.count
    for (const { blob } of mailbox.messages.list()) this.#around.blobs.release(blob)
    this.#around.feed.publish(commit)
  }

  async setSubscribed(account: string, name: string, subscribed: boolean): Promise<void> {
    this.#tree.byName(this.#account(account), name).subscribed = subscribed
  }

  async list(mailbox: MailboxId, query?: MessageQuery): Promise<MessageRecord[]> {
    return this.#mailbox(mailbox).messages.list(query)
  }

  async setFlags(mailbox: MailboxId, change: FlagChange): Promise<FlagResult> {
    const target = this.#mailbox(mailbox)
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
    const copied = this.#copy(this.#mailbox(from), uids, this.#mailbox(to), savedAt, commit)
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
    const source = this.#mailbox(from)
    const copied = this.#copy(source, uids, this.#mailbox(to), savedAt, commit)
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
    const removed = this.#expunge(this.#mailbox(mailbox), uids, commit)
    this.#around.feed.publish(commit)
    return removed.map(message => message.uid)
  }

  async vanished(mailbox: MailboxId, since: number): Promise<number[]> {
    return this.#mailbox(mailbox).messages.vanished(since)
  }

  async usage(account: string): Promise<Usage> {
    this.#around.lifetime.assertOpen()
    const { bytes, messages } = this.#tree.knownAccount(account) ?? { bytes: 0, messages: 0 }
    return { bytes, messages }
  }

  async accounts(query?: AccountsQuery): Promise<string[]> {
    this.#around.lifetime.assertOpen()
    return this.#tree.accountNames(query)
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
      const owner = this.#tree.account(account)
      const target = owner.mailboxes.get(mailbox) ?? this.#tree.make(owner, mailbox, commit)
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

  #account(name: string): MemoryAccount {
    this.#around.lifetime.assertOpen()
    return this.#tree.account(name)
  }

  #mailbox(id: MailboxId): MemoryMailbox {
    this.#around.lifetime.assertOpen()
    return this.#tree.byId(id)
  }
}

/** Reads all that {@link MemoryMail.store} needs of a copy, so that a bad one fails before anything is stored. */
export function prepareCopy({ account, mailbox, internalDate, flags, prefix }: LocalCopy): PreparedCopy {
  const sorted = sortFlags(flags)
  return prefix?.length
    ? { account, mailbox, internalDate, flags: sorted, prefix: Buffer.from(prefix) }
    : { account, mailbox, internalDate, flags: sorted }
}
