import type { MailboxId, MailboxRecord } from '../mail-storage.js'
import { MailboxMessages } from './mailbox-messages.js'

/** An account: its mailboxes by name, and what they keep together. */
export interface MemoryAccount {
  readonly name: string
  readonly mailboxes: Map<string, MemoryMailbox>
  bytes: number
  messages: number
}

/** One mailbox. */
export class MemoryMailbox {
  readonly messages = new MailboxMessages()
  subscribed = false

  constructor(
    readonly account: MemoryAccount,
    readonly id: MailboxId,
    readonly uidValidity: number,
    public name: string,
    readonly specialUse: string | undefined,
  ) {}

  record(): MailboxRecord {
    const { messages } = this
    return {
      id: this.id,
      account: this.account.name,
      name: this.name,
      uidValidity: this.uidValidity,
      uidNext: messages.uidNext,
      highestModseq: messages.highestModseq,
      messages: messages.count,
      unseen: messages.unseen,
      bytes: messages.bytes,
      ...(this.specialUse !== undefined && { specialUse: this.specialUse }),
      subscribed: this.subscribed,
    }
  }
}

/** Names of the mailboxes above one: `a` and `a/b` for `a/b/c`. */
export function namesAbove(name: string): string[] {
  const levels = name.split('/')
  return levels.slice(1).map((_, index) => levels.slice(0, index + 1).join('/'))
}

/** Orders mailboxes by name, `INBOX` first. */
export function compareNames(a: string, b: string): number {
  if (a === 'INBOX' || b === 'INBOX') return Number(b === 'INBOX') - Number(a === 'INBOX')
  return a < b ? -1 : Number(a > b)
}
