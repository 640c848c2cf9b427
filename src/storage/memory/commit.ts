import type { StorageChange } from '../storage.js'
import type { MailboxMessages } from './mailbox-messages.js'
import type { MemoryMailbox } from './memory-mailbox.js'

type Counters = Pick<MailboxMessages, 'uidNext'> & { readonly modseq: number }

/** What one commit changes, gathered while it is made, so that listeners are told once, and after it. */
export class Commit {
  #mailboxes: Map<MemoryMailbox, Counters> | undefined
  #accounts: Set<string> | undefined
  #dueAt: number | undefined

  /** @param listened - whether anybody is to be told; gathers nothing otherwise. */
  constructor(private readonly listened: boolean) {}

  /** To be called before messages of a mailbox change. */
  willChange(mailbox: MemoryMailbox): void {
    if (!this.listened) return
    this.#mailboxes ??= new Map()
    if (this.#mailboxes.has(mailbox)) return
    const { highestModseq, uidNext } = mailbox.messages
    this.#mailboxes.set(mailbox, { modseq: highestModseq, uidNext })
  }

  changedMailboxesOf(account: string): void {
    if (!this.listened) return
    this.#accounts ??= new Set()
    this.#accounts.add(account)
  }

  /** An entry waits until `dueAt` now. */
  changedQueue(dueAt: number): void {
    this.#dueAt = Math.min(this.#dueAt ?? dueAt, dueAt)
  }

  changes(): StorageChange[] {
    const changes: StorageChange[] = []
    for (const account of this.#accounts ?? []) changes.push({ kind: 'mailboxes', account })
    for (const [mailbox, before] of this.#mailboxes ?? []) {
      const modseq = mailbox.messages.highestModseq
      if (modseq === before.modseq) continue
      changes.push({
        kind: 'messages',
        account: mailbox.account.name,
        mailbox: mailbox.name,
        modseq,
        before,
      })
    }
    if (this.#dueAt !== undefined) changes.push({ kind: 'queue', dueAt: this.#dueAt })
    return changes
  }
}
