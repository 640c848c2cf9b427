import type { StorageChange } from 'posthorn'
import type { MailboxRow } from './rows.ts'

type Listener = (change: StorageChange) => void

/** Gathers what a commit changes, and tells it once the commit is made. */
export class ChangeFeed {
  readonly #listeners = new Set<{ readonly tell: Listener }>()
  #mailboxes = new Map<string, MailboxRow>()
  #accounts = new Set<string>()
  #queue = false

  subscribe(tell: Listener): () => void {
    const listener = { tell }
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Messages of a mailbox are about to change. */
  willChange(mailbox: MailboxRow): void {
    if (!this.#mailboxes.has(mailbox.id)) this.#mailboxes.set(mailbox.id, mailbox)
  }

  mailboxesOf(account: string): void {
    this.#accounts.add(account)
  }

  queue(): void {
    this.#queue = true
  }

  /** What was gathered since the last call; `mailbox` finds how a mailbox is now. */
  take(mailbox: (id: string) => MailboxRow | undefined): StorageChange[] {
    const changes: StorageChange[] = [...this.#accounts].map(account => ({ kind: 'mailboxes', account }))
    for (const [id, { highestModseq, uidNext }] of this.#mailboxes) {
      const now = mailbox(id)
      if (!now || now.highestModseq === highestModseq) continue
      const before = { modseq: highestModseq, uidNext }
      changes.push({
        kind: 'messages',
        account: now.account,
        mailbox: now.name,
        modseq: now.highestModseq,
        before,
      })
    }
    if (this.#queue) changes.push({ kind: 'queue' })
    this.#accounts = new Set()
    this.#mailboxes = new Map()
    this.#queue = false
    return changes
  }

  tell(changes: readonly StorageChange[]): void {
    for (const change of changes) {
      for (const { tell } of this.#listeners) {
        try {
          tell(change)
        } catch {
          // What a listener throws is no matter of the one who made the commit.
        }
      }
    }
  }

  clear(): void {
    this.#listeners.clear()
  }
}
