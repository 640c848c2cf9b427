import { judgeQuota } from '../accounts/judge-quota.js'
import { MailError } from '../core/error.js'
import { MailEvents } from '../core/events.js'
import { guardLogger } from '../core/logger.js'
import { parseOptions } from '../core/options.js'
import { newTraceId } from '../core/trace.js'
import type { MessageSource } from '../message/message-source.js'
import { bytesSource } from '../message/sources.js'
import type { LocalCopy, MailboxRecord, StoredCopy, Usage } from '../storage/mail-storage.js'
import { memoryStorage } from '../storage/memory/memory-storage.js'
import type { Storage } from '../storage/storage.js'
import { ChangeStream } from './change-stream.js'
import type { MailStoreEvents } from './events.js'
import { normalizeFlags, normalizeSpecialUse } from './flags.js'
import type {
  AppendOptions,
  ChangesOptions,
  Mailbox,
  MailboxLock,
  MailStore,
  MailStoreOptions,
  StoreChange,
} from './mail-store.js'
import { findMailbox, MailboxHandle, type MailboxSurroundings } from './mailbox-handle.js'
import { assertAccount, normalizeMailboxName } from './mailbox-name.js'
import { type MailStoreSettings, mailStoreSchema } from './options.js'
import type { RetentionResult } from './retention/retention.js'
import { RetentionSchedule } from './retention/retention-schedule.js'
import { SessionLock } from './session-lock.js'
import { askStorage, callStorage, shapes } from './storage-door.js'

/**
 * Creates a mail store: the mailboxes of all accounts, over a storage. A storage that was handed in stays open when
 * the store is closed; the one it makes itself when none is given is closed with it.
 * @throws MailError `OPTION_INVALID`.
 */
export function createMailStore(options: MailStoreOptions = {}): MailStore {
  const settings = parseOptions('createMailStore', mailStoreSchema(), options)
  const logger = guardLogger(settings.logger)
  return new Store(settings.storage ?? memoryStorage(), { ...settings, logger })
}

class Store implements MailStore {
  readonly #streams = new Set<ChangeStream>()
  readonly #locks = new Set<SessionLock>()
  /** The last append with a quota, by account: they wait for each other, so that each sees what the others kept. */
  readonly #appends = new Map<string, Promise<unknown>>()
  readonly #around: MailboxSurroundings
  readonly #events: MailEvents<MailStoreEvents>
  readonly #retention: RetentionSchedule | undefined
  #closed: Promise<void> | undefined

  constructor(
    readonly storage: Storage,
    private readonly settings: MailStoreSettings,
  ) {
    const { clock, logger, retention, retentionInterval: interval } = settings
    const assertOpen = () => this.#assertOpen()
    this.#around = { storage, clock, assertOpen }
    this.#events = new MailEvents(logger)
    if (retention.length === 0 && typeof retention !== 'function') return
    const { mail } = storage
    const events = this.#events
    this.#retention = new RetentionSchedule({ mail, retention, interval, clock, logger, events, assertOpen })
  }

  on<Name extends keyof MailStoreEvents>(event: Name, listener: (payload: MailStoreEvents[Name]) => unknown) {
    return this.#events.on(event, listener)
  }

  once<Name extends keyof MailStoreEvents>(
    event: Name,
    listener: (payload: MailStoreEvents[Name]) => unknown,
  ) {
    return this.#events.once(event, listener)
  }

  off<Name extends keyof MailStoreEvents>(
    event: Name,
    listener: (payload: MailStoreEvents[Name]) => unknown,
  ) {
    this.#events.off(event, listener)
  }

  async mailboxes(account: string): Promise<MailboxRecord[]> {
    const { mail } = this.#storageFor(account)
    return askStorage('mail.mailboxes', () => mail.mailboxes(account), shapes.mailboxes)
  }

  async mailbox(account: string, name = 'INBOX'): Promise<Mailbox> {
    const record = await findMailbox(this.#storageFor(account), account, name)
    return new MailboxHandle(record, this.#around)
  }

  async createMailbox(
    account: string,
    name: string,
    { specialUse }: { specialUse?: string } = {},
  ): Promise<Mailbox> {
    const { mail } = this.#storageFor(account)
    const normal = normalizeMailboxName(name)
    const options = specialUse === undefined ? {} : { specialUse: normalizeSpecialUse(specialUse) }
    const create = () => mail.createMailbox(account, normal, options)
    return new MailboxHandle(await askStorage('mail.createMailbox', create, shapes.mailbox), this.#around)
  }

  async renameMailbox(account: string, from: string, to: string): Promise<void> {
    const { mail } = this.#storageFor(account)
    const names = [normalizeMailboxName(from), normalizeMailboxName(to)] as const
    await callStorage('mail.renameMailbox', () => mail.renameMailbox(account, ...names))
  }

  async deleteMailbox(account: string, name: string): Promise<void> {
    const { mail } = this.#storageFor(account)
    const normal = normalizeMailboxName(name)
    if (normal === 'INBOX') {
      throw new MailError('OPTION_INVALID', 'deleteMailbox: INBOX cannot be deleted (RFC 3501 §6.3.4)')
    }
    await callStorage('mail.deleteMailbox', () => mail.deleteMailbox(account, normal))
  }

  async append(
    account: string,
    message: MessageSource | Uint8Array | string,
    options: AppendOptions = {},
  ): Promise<StoredCopy> {
    this.#storageFor(account)
    const source = toSource(message)
    const copy = {
      account,
      mailbox: normalizeMailboxName(options.mailbox ?? 'INBOX'),
      flags: normalizeFlags(options.flags ?? []),
      internalDate: toInstant(options.internalDate ?? this.settings.clock.now()),
    }
    const { quota } = options
    if (!quota) return this.#store(source, copy)
    return this.#inTurn(account, async () => {
      assertRoom(await this.usage(account), source.size, quota)
      return this.#store(source, copy)
    })
  }

  async #store(message: MessageSource, copy: LocalCopy): Promise<StoredCopy> {
    const batch = { id: newTraceId(), message, receivedAt: this.settings.clock.now(), copies: [copy] }
    const { copies } = await askStorage('accept', () => this.storage.accept(batch), shapes.stored)
    return copies[0]
  }

  #inTurn<T>(account: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#appends.get(account) ?? Promise.resolve()).then(work)
    const settled = turn.then(
      () => undefined,
      () => undefined,
    )
    this.#appends.set(account, settled)
    settled.then(() => this.#appends.get(account) === settled && this.#appends.delete(account))
    return turn
  }

  async usage(account: string): Promise<Usage> {
    const { mail } = this.#storageFor(account)
    return askStorage('mail.usage', () => mail.usage(account), shapes.usage)
  }

  changes({ account, mailbox, signal }: ChangesOptions = {}): AsyncIterable<StoreChange> {
    this.#assertOpen()
    if (account !== undefined) assertAccount(account)
    const scope = {
      ...(account !== undefined && { account }),
      ...(mailbox !== undefined && { mailbox: normalizeMailboxName(mailbox) }),
    }
    const end = () => stream.end()
    const stream = new ChangeStream(this.storage, scope, () => {
      this.#streams.delete(stream)
      signal?.removeEventListener('abort', end)
    })
    this.#streams.add(stream)
    signal?.addEventListener('abort', end, { once: true })
    if (signal?.aborted) stream.end()
    return stream
  }

  async lock(account: string, mailbox: string): Promise<MailboxLock | undefined> {
    const storage = this.#storageFor(account)
    const { id } = await findMailbox(storage, account, mailbox)
    const lock = await SessionLock.take(`session:${id}`, {
      locks: storage.locks,
      clock: this.settings.clock,
      logger: this.settings.logger,
      expiry: this.settings.lockExpiry,
      released: released => this.#locks.delete(released),
    })
    if (!lock) return undefined
    this.#locks.add(lock)
    if (this.#closed) await lock.release()
    this.#assertOpen()
    return lock
  }

  async applyRetention(): Promise<RetentionResult> {
    this.#assertOpen()
    return this.#retention?.apply() ?? { messages: 0, bytes: 0, mailboxes: [], failed: [] }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    for (const stream of this.#streams) stream.end()
    const ends = [this.#retention?.end(), ...[...this.#locks].map(lock => lock.release())]
    const ended: PromiseSettledResult<unknown>[] = await Promise.allSettled(ends)
    if (this.settings.storage === undefined) ended.push(...(await Promise.allSettled([this.storage.close()])))
    for (const end of ended) {
      if (end.status === 'rejected')
        this.settings.logger.warn({ error: end.reason }, 'the store did not close cleanly')
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new MailError('CLOSED', 'the mail store was used after it was closed')
  }

  #storageFor(account: string): Storage {
    this.#assertOpen()
    assertAccount(account)
    return this.storage
  }
}

function toSource(message: MessageSource | Uint8Array | string): MessageSource {
  if (typeof message === 'string') return bytesSource(message)
  // The app may go on to use its buffer; a message source never changes.
  if (message instanceof Uint8Array) return bytesSource(new Uint8Array(message))
  if (shapes.source(message)) return message
  throw new MailError('OPTION_INVALID', 'append: expected the message as text, bytes or a message source')
}

function toInstant(instant: number): number {
  if (Number.isFinite(instant)) return instant
  throw new MailError('OPTION_INVALID', `internalDate: got ${String(instant)}, expected epoch milliseconds`)
}

function assertRoom(usage: Usage, size: number, quota: NonNullable<AppendOptions['quota']>): void {
  const reply = judgeQuota(quota, usage, size)
  if (!reply) return
  throw new MailError(
    'QUOTA_EXCEEDED',
    `the account keeps ${usage.messages} messages of ${usage.bytes} octets and has no room for ${size} octets more`,
    { reply, temporary: reply.code < 500 },
  )
}
