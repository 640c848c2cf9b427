import type { Duration } from '../core/duration.js'
import type { Events } from '../core/events.js'
import type { Closable } from '../core/lifecycle.js'
import type { MessageSource } from '../message/message-source.js'
import type { ParsedMessage } from '../message/parsed-message.js'
import type {
  CopiedMessage,
  FlagResult,
  MailboxRecord,
  MessageOutline,
  MessageQuery,
  MessageRecord,
  StoredCopy,
  Usage,
} from '../storage/mail-storage.js'
import type { Storage } from '../storage/storage.js'
import type { MailStoreEvents } from './events.js'
import type { Retention, RetentionResult } from './retention/retention.js'

/** The mail of all accounts, as the app and the servers see it. Made by `createMailStore`. */
export interface MailStore extends Closable, Events<MailStoreEvents> {
  /** What the store keeps its mail in; the queue of the same host shares it. */
  readonly storage: Storage
  /** Mailboxes of an account, `INBOX` first. */
  mailboxes(account: string): Promise<MailboxRecord[]>
  /**
   * A mailbox by name. `INBOX` (in any case) exists for every account.
   * @throws MailError `NO_SUCH_MAILBOX`.
   */
  mailbox(account: string, name?: string): Promise<Mailbox>
  /** Makes a mailbox; `/` separates levels. @throws MailError `MAILBOX_EXISTS`, `OPTION_INVALID` for a bad name. */
  createMailbox(account: string, name: string, options?: { specialUse?: string }): Promise<Mailbox>
  /** @throws MailError `NO_SUCH_MAILBOX`, `MAILBOX_EXISTS`. */
  renameMailbox(account: string, from: string, to: string): Promise<void>
  /** Deletes a mailbox with all its messages. @throws MailError `NO_SUCH_MAILBOX`; `OPTION_INVALID` for `INBOX`. */
  deleteMailbox(account: string, name: string): Promise<void>
  /**
   * Puts a message into a mailbox, which is made when it does not exist.
   * @throws MailError `QUOTA_EXCEEDED`: temporary where it would fit if the account kept less.
   */
  append(
    account: string,
    message: MessageSource | Uint8Array | string,
    options?: AppendOptions,
  ): Promise<StoredCopy>
  /** What an account keeps in all its mailboxes. */
  usage(account: string): Promise<Usage>
  /**
   * Changes as they happen, from now on, until the loop is left, `signal` is aborted or the store is closed.
   * A reader that is slower than the mail sees changes of one message merged into one.
   */
  changes(options?: ChangesOptions): AsyncIterable<StoreChange>
  /**
   * Takes the one session lock of a mailbox (RFC 1939 §4), or resolves to `undefined` when another holds it.
   */
  lock(account: string, mailbox: string): Promise<MailboxLock | undefined>
  /**
   * Removes what the option `retention` says is too much, now and not only at its interval; behind a run that is under way.
   * Resolves to what went, which is nothing where there is no retention.
   * @throws MailError `STORAGE_FAILED` when the accounts cannot be listed; `CLOSED`.
   */
  applyRetention(): Promise<RetentionResult>
}

/** Options of {@link MailStore.append}. */
export interface AppendOptions {
  /** Default: `INBOX`. */
  mailbox?: string
  /** IMAP flags such as `\Seen`. Default: none. */
  flags?: readonly string[]
  /** When it was received, in epoch milliseconds. Default: now. */
  internalDate?: number
  /** Refuses the message when the account would keep more. */
  quota?: { bytes?: number; messages?: number }
}

/** Options of {@link MailStore.changes}. */
export interface ChangesOptions {
  /** Of one account only. */
  account?: string
  /** Of one mailbox only. */
  mailbox?: string
  signal?: AbortSignal
}

/** A change in the store. */
export type StoreChange =
  | {
      readonly kind: 'added'
      readonly account: string
      readonly mailbox: string
      readonly message: MessageRecord
    }
  | {
      readonly kind: 'flags'
      readonly account: string
      readonly mailbox: string
      readonly message: MessageRecord
    }
  | { readonly kind: 'removed'; readonly account: string; readonly mailbox: string; readonly uid: number }
  | { readonly kind: 'mailboxes'; readonly account: string }

/** A held session lock; renewed by itself until it is released. */
export interface MailboxLock extends AsyncDisposable {
  /** Gives the mailbox back. A second call resolves with the first. */
  release(): Promise<void>
}

/** Which messages: a UID, UIDs, or ranges. */
export type Uids = number | readonly number[]

/** One mailbox of one account. */
export interface Mailbox {
  readonly account: string
  readonly name: string
  /** Stable through renames. */
  readonly id: string
  /** Counters as they are now. @throws MailError `NO_SUCH_MAILBOX` once it is deleted. */
  status(): Promise<MailboxRecord>
  /** Messages by UID, ascending. */
  list(query?: MessageQuery): Promise<MessageRecord[]>
  /** All messages by UID, ascending, with no more than it takes to open them: in less time than {@link Mailbox.list}. */
  outline(): Promise<MessageOutline[]>
  /** One message. @throws MailError `NO_SUCH_MESSAGE`. */
  get(uid: number): Promise<MessageRecord>
  /** The bytes of a message. @throws MailError `NO_SUCH_MESSAGE`. */
  open(message: number | MessageOutline): Promise<MessageSource>
  /** A message as people read it. @throws MailError `NO_SUCH_MESSAGE`, `MESSAGE_INVALID` when it cannot be parsed. */
  parse(message: number | MessageOutline): Promise<ParsedMessage>
  /**
   * Adds flags. With `unchangedSince`, messages with a higher MODSEQ are left alone and named in `modified`; UIDs that do
   * not exist are passed over. @throws MailError `OPTION_INVALID` for what is no flag; `NO_SUCH_MAILBOX`.
   */
  addFlags(uids: Uids, flags: readonly string[], options?: { unchangedSince?: number }): Promise<FlagResult>
  /** Removes flags, as {@link Mailbox.addFlags} adds them. */
  removeFlags(
    uids: Uids,
    flags: readonly string[],
    options?: { unchangedSince?: number },
  ): Promise<FlagResult>
  /** Replaces all flags by these, as {@link Mailbox.addFlags} adds them. */
  setFlags(uids: Uids, flags: readonly string[], options?: { unchangedSince?: number }): Promise<FlagResult>
  /** Removes messages for good. Resolves to the UIDs that were there. */
  delete(uids: Uids): Promise<number[]>
  /**
   * Copies messages to a mailbox of the same account; UIDs that do not exist are left out.
   * @throws MailError `NO_SUCH_MAILBOX` when `to` does not exist.
   */
  copy(uids: Uids, to: string): Promise<CopiedMessage[]>
  /** {@link Mailbox.copy}, and removes the originals, in one commit. */
  move(uids: Uids, to: string): Promise<CopiedMessage[]>
  /** UIDs removed after a MODSEQ. */
  vanished(since: number): Promise<number[]>
}

/** Options of `createMailStore`. */
export interface MailStoreOptions {
  /** Default: `memoryStorage()`. */
  storage?: Storage
  /** Default: the system clock. */
  clock?: import('../core/clock.js').Clock
  logger?: import('../core/logger.js').Logger
  /** How long a session lock outlives a process that died. Default: `'2m'`. */
  lockExpiry?: Duration
  /**
   * How much is kept: by age, number and octets, of a mailbox or an account, such as
   * `[{ mailbox: 'Trash', maxAge: '30d' }, { maxBytes: 1e9 }]`. What is beyond it is removed for good, the oldest first, a
   * minute after the start and then at each interval. Default: everything is kept.
   */
  retention?: Retention
  /** From the end of one run of retention to the next. At least a second. Default: `'1h'`. */
  retentionInterval?: Duration
}
