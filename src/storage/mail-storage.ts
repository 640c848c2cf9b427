import type { BlobId } from './storage.js'

/**
 * Mailboxes and messages. Mailbox names are Unicode in NFC with `/` between levels; `INBOX` is always spelled
 * so and is there, empty, for an account nobody wrote to yet. Accounts need no creation.
 * Every change of a mailbox gives it a higher MODSEQ (RFC 7162); UIDs only grow (RFC 3501 §2.3.1.1).
 */
export interface MailStorage {
  /** Mailboxes of an account by name, `INBOX` first. */
  mailboxes(account: string): Promise<MailboxRecord[]>
  /** One mailbox by name, or `undefined`. */
  mailbox(account: string, name: string): Promise<MailboxRecord | undefined>
  /**
   * Makes a mailbox, and those above it.
   * @throws MailError `MAILBOX_EXISTS`.
   */
  createMailbox(
    account: string,
    name: string,
    options?: { readonly specialUse?: string },
  ): Promise<MailboxRecord>
  /**
   * Renames a mailbox and those below it; ids, UIDs and UIDVALIDITY stay. Renaming `INBOX` moves its messages to
   * a new mailbox and leaves it empty (RFC 3501 §6.3.5).
   * @throws MailError `NO_SUCH_MAILBOX`, `MAILBOX_EXISTS`.
   */
  renameMailbox(account: string, from: string, to: string): Promise<void>
  /**
   * Deletes a mailbox with its messages. A later one of the same name has a higher UIDVALIDITY. `INBOX` is
   * refused by the front.
   * @throws MailError `NO_SUCH_MAILBOX`.
   */
  deleteMailbox(account: string, name: string): Promise<void>
  /** Subscribes to a mailbox or takes that back (RFC 3501 §6.3.6). @throws MailError `NO_SUCH_MAILBOX`. */
  setSubscribed(account: string, name: string, subscribed: boolean): Promise<void>

  /** Messages by UID, ascending. @throws MailError `NO_SUCH_MAILBOX`. */
  list(mailbox: MailboxId, query?: MessageQuery): Promise<MessageRecord[]>
  /**
   * Changes flags. With `unchangedSince`, a message with a higher MODSEQ is left alone and named in
   * `modified` (RFC 7162 §3.1.3). UIDs that do not exist are passed over. A message whose flags stay the same
   * keeps its MODSEQ.
   */
  setFlags(mailbox: MailboxId, change: FlagChange): Promise<FlagResult>
  /** Copies messages, flags and dates kept. The order of the results is that of `uids`; UIDs that do not exist are left out. */
  copy(from: MailboxId, uids: readonly number[], to: MailboxId, savedAt: number): Promise<CopiedMessage[]>
  /** Copies and expunges in one commit (RFC 6851). */
  move(from: MailboxId, uids: readonly number[], to: MailboxId, savedAt: number): Promise<CopiedMessage[]>
  /** Removes messages for good; resolves to those that were there. A tombstone of each stays. */
  expunge(mailbox: MailboxId, uids: readonly number[]): Promise<number[]>
  /** UIDs expunged after a MODSEQ, ascending (RFC 7162 §3.2.5); for at least the last 10,000 of a mailbox. */
  vanished(mailbox: MailboxId, since: number): Promise<number[]>
  /** What the account keeps in all its mailboxes. */
  usage(account: string): Promise<Usage>
  /**
   * Accounts that keep a message, each once, in an order of the driver's own; accounts without one may be among them.
   * Those behind `query.after`, which may be gone since; `query.limit` of them at most (default: 1,000).
   */
  accounts(query?: AccountsQuery): Promise<string[]>
}

/** Optional power: storages that tell little of each message in less time than {@link MailStorage.list} tells all. */
export interface OutliningMailStorage extends MailStorage {
  /** All messages by UID, ascending. @throws MailError `NO_SUCH_MAILBOX`. */
  outline(mailbox: MailboxId): Promise<MessageOutline[]>
}

/** The messages of a mailbox in outline, from a storage with the power of {@link OutliningMailStorage} or without. */
export function outlineOf(
  mail: Pick<MailStorage, 'list'> & Partial<OutliningMailStorage>,
  mailbox: MailboxId,
): Promise<MessageOutline[]> {
  return mail.outline?.(mailbox) ?? mail.list(mailbox)
}

/** Names a mailbox for its whole life, through renames. Chosen by the driver. */
export type MailboxId = string

/** A mailbox. */
export interface MailboxRecord {
  readonly id: MailboxId
  readonly account: string
  readonly name: string
  /** 1 to 2^32-1; changes when UIDs cannot be kept (RFC 3501 §2.3.1.1). */
  readonly uidValidity: number
  /** The UID the next message gets, at least. */
  readonly uidNext: number
  /** The highest MODSEQ of the mailbox, starting at 1. */
  readonly highestModseq: number
  readonly messages: number
  readonly unseen: number
  /** Octets of its messages. */
  readonly bytes: number
  /** An attribute of RFC 6154 such as `\Sent`. */
  readonly specialUse?: string
  readonly subscribed: boolean
}

/** A copy to store. The mailbox is made when it does not exist. */
export interface LocalCopy {
  readonly account: string
  readonly mailbox: string
  readonly flags?: readonly string[]
  readonly internalDate: number
  /** Bytes before those of the blob: trace headers that this copy alone has, such as Return-Path. */
  readonly prefix?: Uint8Array
}

/** Where a copy went. */
export interface StoredCopy {
  readonly account: string
  readonly mailbox: string
  readonly mailboxId: MailboxId
  readonly uidValidity: number
  readonly uid: number
  readonly modseq: number
}

/** What it takes to know a message again and to open it. */
export interface MessageOutline {
  readonly uid: number
  /** Octets, prefix included. */
  readonly size: number
  readonly blob: BlobId
  /** Bytes before those of the blob. Must not be changed. */
  readonly prefix?: Uint8Array
}

/** A message in a mailbox. */
export interface MessageRecord extends MessageOutline {
  readonly modseq: number
  /** IMAP spelling: `\Seen`, `\Deleted`, `$Forwarded`, `work`. Sorted, no duplicates. */
  readonly flags: readonly string[]
  /** Epoch milliseconds, RFC 3501 §2.3.3. */
  readonly internalDate: number
  /** Epoch milliseconds at which it came into this mailbox (RFC 8514). */
  readonly savedAt: number
}

/** Which messages to list; conditions are joined by "and". */
export interface MessageQuery {
  /** Inclusive ranges; `to` may be `Infinity`. */
  readonly uids?: readonly UidRange[]
  /** Those with a higher MODSEQ only. */
  readonly changedSince?: number
  readonly limit?: number
}

/** An inclusive range of UIDs. */
export interface UidRange {
  readonly from: number
  readonly to: number
}

/** Whether a UID is in one of the ranges. */
export function inUidRanges(uid: number, ranges: readonly UidRange[]): boolean {
  return ranges.some(({ from, to }) => uid >= from && uid <= to)
}

/** A change of flags on some messages. */
export interface FlagChange {
  readonly uids: readonly UidRange[]
  readonly mode: 'add' | 'remove' | 'replace'
  readonly flags: readonly string[]
  readonly unchangedSince?: number
}

/** What became of a {@link FlagChange}. */
export interface FlagResult {
  /** Messages as they are now, those whose flags stayed the same included. */
  readonly messages: readonly MessageRecord[]
  /** UIDs left alone because of `unchangedSince`. */
  readonly modified: readonly number[]
}

/** A message and its copy. */
export interface CopiedMessage {
  readonly from: number
  readonly to: number
}

/** Which accounts to list. */
export interface AccountsQuery {
  /** Those behind this one, in the order of the driver. */
  readonly after?: string
  readonly limit?: number
}

/** What an account keeps. */
export interface Usage {
  readonly bytes: number
  readonly messages: number
}
