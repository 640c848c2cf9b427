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
