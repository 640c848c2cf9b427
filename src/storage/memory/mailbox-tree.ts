import { randomInt } from 'node:crypto'
import type { AccountsQuery, MailboxId } from '../mail-storage.js'
import { mailboxesAbove, noSuchMailbox } from '../mailbox-names.js'
import type { Commit } from './commit.js'
import { type MemoryAccount, MemoryMailbox } from './memory-mailbox.js'

/** The accounts and their mailboxes, by name and by id. */
export class MailboxTree {
  readonly #accounts = new Map<string, MemoryAccount>()
  readonly #mailboxes = new Map<MailboxId, MemoryMailbox>()
  #lastId = 0
  /** Grows with each mailbox; begins anywhere, as the UIDs of a process that ended mean nothing in the next. */
  #lastUidValidity = randomInt(1, 2 ** 31)

  /** An account, made with its INBOX when it is named for the first time. */
  account(name: string): MemoryAccount {
    let account = this.#accounts.get(name)
    if (!account) {
      account = { name, mailboxes: new Map(), bytes: 0, messages: 0 }
      this.#accounts.set(name, account)
      this.#makeOne(account, 'INBOX')
    }
    return account
  }

  /** An account that was named before. */
  knownAccount(name: string): MemoryAccount | undefined {
    return this.#accounts.get(name)
  }

  /** Names of the accounts that keep a message, in the order of their UTF-16 code units. */
  accountNames({ after = '', limit = 1_000 }: AccountsQuery = {}): string[] {
    const names: string[] = []
    for (const { name, messages } of this.#accounts.values())
      if (messages > 0 && name > after) names.push(name)
    return names.sort().slice(0, limit)
  }

  /** @throws MailError `NO_SUCH_MAILBOX`. */
  byName(account: MemoryAccount, name: string): MemoryMailbox {
    const mailbox = account.mailboxes.get(name)
    if (mailbox) return mailbox
    throw noSuchMailbox(name)
  }

  /** @throws MailError `NO_SUCH_MAILBOX`. */
  byId(id: MailboxId): MemoryMailbox {
    const mailbox = this.#mailboxes.get(id)
    if (mailbox) return mailbox
    throw noSuchMailbox()
  }

  /** Makes a mailbox, and those above it. */
  make(owner: MemoryAccount, name: string, commit: Commit, specialUse?: string): MemoryMailbox {
    this.#makeAbove(owner, name)
    commit.changedMailboxesOf(owner.name)
    return this.#makeOne(owner, name, specialUse)
  }

  /** Renames a mailbox with those below it. @param names - what they are called, by the names they had. */
  rename(owner: MemoryAccount, to: string, names: ReadonlyMap<string, string>, commit: Commit): void {
    const moving = [...owner.mailboxes.values()].filter(mailbox => names.has(mailbox.name))
    for (const mailbox of moving) owner.mailboxes.delete(mailbox.name)
    for (const mailbox of moving) {
      mailbox.name = names.get(mailbox.name) ?? mailbox.name
      owner.mailboxes.set(mailbox.name, mailbox)
    }
    this.#makeAbove(owner, to)
    commit.changedMailboxesOf(owner.name)
  }

  remove(mailbox: MemoryMailbox, commit: Commit): void {
    mailbox.account.mailboxes.delete(mailbox.name)
    this.#mailboxes.delete(mailbox.id)
    commit.changedMailboxesOf(mailbox.account.name)
  }

  #makeAbove(owner: MemoryAccount, name: string): void {
    for (const above of mailboxesAbove(name)) if (!owner.mailboxes.has(above)) this.#makeOne(owner, above)
  }

  #makeOne(owner: MemoryAccount, name: string, specialUse?: string): MemoryMailbox {
    const id = `m${(++this.#lastId).toString(36)}`
    const mailbox = new MemoryMailbox(owner, id, ++this.#lastUidValidity, name, specialUse)
    owner.mailboxes.set(name, mailbox)
    this.#mailboxes.set(id, mailbox)
    return mailbox
  }
}
