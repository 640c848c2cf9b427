import type { Clock } from '../core/clock.js'
import { MailError } from '../core/error.js'
import type { MessageSource } from '../message/message-source.js'
import type { ParsedMessage } from '../message/parsed-message.js'
import {
  type CopiedMessage,
  type FlagChange,
  type FlagResult,
  type MailboxRecord,
  type MessageOutline,
  type MessageQuery,
  type MessageRecord,
  outlineOf,
} from '../storage/mail-storage.js'
import { noSuchMailbox } from '../storage/mailbox-names.js'
import type { Storage } from '../storage/storage.js'
import { normalizeFlags } from './flags.js'
import type { Mailbox, Uids } from './mail-store.js'
import { normalizeMailboxName } from './mailbox-name.js'
import { askStorage, optional, shapes } from './storage-door.js'
import { uidList, uidRanges } from './uids.js'

/** What a handle needs of its store. */
export interface MailboxSurroundings {
  readonly storage: Storage
  readonly clock: Clock
  /** @throws MailError `CLOSED`. */
  assertOpen(): void
}

type FlagOptions = { unchangedSince?: number }

/** A mailbox by its id: it stays the same mailbox when it is renamed. */
export class MailboxHandle implements Mailbox {
  readonly account: string
  readonly id: string
  readonly #around: MailboxSurroundings
  #name: string

  constructor(record: MailboxRecord, around: MailboxSurroundings) {
    this.account = record.account
    this.id = record.id
    this.#name = record.name
    this.#around = around
  }

  /** As it was when the mailbox was last asked for its {@link MailboxHandle.status}. */
  get name(): string {
    return this.#name
  }

  async status(): Promise<MailboxRecord> {
    const { mail } = this.#storage
    const named = await askStorage(
      'mail.mailbox',
      () => mail.mailbox(this.account, this.#name),
      optional(shapes.mailbox),
    )
    if (named?.id === this.id) return named
    const all = await askStorage('mail.mailboxes', () => mail.mailboxes(this.account), shapes.mailboxes)
    const renamed = all.find(record => record.id === this.id)
    if (!renamed) throw noSuchMailbox(this.#name)
    this.#name = renamed.name
    return renamed
  }

  list(query: MessageQuery = {}): Promise<MessageRecord[]> {
    return askStorage('mail.list', () => this.#storage.mail.list(this.id, query), shapes.messages)
  }

  outline(): Promise<MessageOutline[]> {
    return askStorage('mail.outline', () => outlineOf(this.#storage.mail, this.id), shapes.outline)
  }

  async get(uid: number): Promise<MessageRecord> {
    const [message] = await this.list({ uids: uidRanges(uid), limit: 1 })
    if (message) return message
    throw this.#noSuchMessage(uid)
  }

  async open(message: number | MessageOutline): Promise<MessageSource> {
    const { uid, blob, prefix } = typeof message === 'number' ? await this.get(message) : message
    const source = await askStorage(
      'blobs.open',
      () => this.#storage.blobs.open(blob, prefix),
      optional(shapes.source),
    )
    if (source) return source
    throw this.#noSuchMessage(uid)
  }

  async parse(message: number | MessageOutline): Promise<ParsedMessage> {
    const source = await this.open(message)
    // The parser is heavy and most servers never parse: it is loaded when somebody does.
    const { parseMessage } = await import('../message/parse-message.js')
    return parseMessage(source)
  }

  addFlags(uids: Uids, flags: readonly string[], options: FlagOptions = {}): Promise<FlagResult> {
    return this.#changeFlags('add', uids, flags, options)
  }

  removeFlags(uids: Uids, flags: readonly string[], options: FlagOptions = {}): Promise<FlagResult> {
    return this.#changeFlags('remove', uids, flags, options)
  }

  setFlags(uids: Uids, flags: readonly string[], options: FlagOptions = {}): Promise<FlagResult> {
    return this.#changeFlags('replace', uids, flags, options)
  }

  async #changeFlags(
    mode: FlagChange['mode'],
    uids: Uids,
    flags: readonly string[],
    { unchangedSince }: FlagOptions,
  ): Promise<FlagResult> {
    const change: FlagChange = {
      uids: uidRanges(uids),
      mode,
      flags: normalizeFlags(flags),
      ...(unchangedSince !== undefined && { unchangedSince }),
    }
    return askStorage('mail.setFlags', () => this.#storage.mail.setFlags(this.id, change), shapes.flagResult)
  }

  async delete(uids: Uids): Promise<number[]> {
    const list = uidList(uids)
    return askStorage('mail.expunge', () => this.#storage.mail.expunge(this.id, list), shapes.uids)
  }

  async copy(uids: Uids, to: string): Promise<CopiedMessage[]> {
    const list = uidList(uids)
    const target = await this.#target(to)
    return askStorage(
      'mail.copy',
      () => this.#storage.mail.copy(this.id, list, target.id, this.#around.clock.now()),
      shapes.copied,
    )
  }

  async move(uids: Uids, to: string): Promise<CopiedMessage[]> {
    const list = uidList(uids)
    const target = await this.#target(to)
    return askStorage(
      'mail.move',
      () => this.#storage.mail.move(this.id, list, target.id, this.#around.clock.now()),
      shapes.copied,
    )
  }

  vanished(since: number): Promise<number[]> {
    return askStorage('mail.vanished', () => this.#storage.mail.vanished(this.id, since), shapes.uids)
  }

  get #storage(): Storage {
    this.#around.assertOpen()
    return this.#around.storage
  }

  #target(to: string): Promise<MailboxRecord> {
    return findMailbox(this.#storage, this.account, to)
  }

  #noSuchMessage(uid: number): MailError {
    return new MailError(
      'NO_SUCH_MESSAGE',
      `mailbox ${JSON.stringify(this.#name)} has no message with UID ${uid}`,
    )
  }
}

/**
 * The record of a mailbox by a name as people write it.
 * @throws MailError `NO_SUCH_MAILBOX`; `OPTION_INVALID` for what can be no name.
 */
export async function findMailbox(storage: Storage, account: string, name: string): Promise<MailboxRecord> {
  const normal = normalizeMailboxName(name)
  const record = await askStorage(
    'mail.mailbox',
    () => storage.mail.mailbox(account, normal),
    optional(shapes.mailbox),
  )
  if (record) return record
  throw noSuchMailbox(normal)
}
