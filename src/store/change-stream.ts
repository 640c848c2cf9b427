import { MailError } from '../core/error.js'
import type { MailboxRecord, MessageRecord } from '../storage/mail-storage.js'
import type { Storage, StorageChange } from '../storage/storage.js'
import type { StoreChange } from './mail-store.js'
import { askStorage, optional, shapes } from './storage-door.js'

/** How many mailboxes a stream remembers having read; one forgotten may have a change told twice. */
const mostRemembered = 100

/** Which changes a stream is for; names are normalised. */
export interface ChangeScope {
  readonly account?: string
  readonly mailbox?: string
}

type MessagesChange = Extract<StorageChange, { kind: 'messages' }>

/** Up to where a mailbox was read. */
interface ReadMark {
  readonly modseq: number
  readonly uidNext: number
  /** What was told that may be younger than `modseq`: the MODSEQ by UID, `Infinity` for the removed. */
  readonly ahead: ReadonlyMap<number, number>
}

/**
 * Changes of a store, for one reader. The storage's news are hints: what is kept of them, until the reader asks, is one
 * note a mailbox with the counters from before the first change. Then the state is read by MODSEQ, so that a slow reader
 * finds the changes of a message merged, and nothing grows with what it has not read.
 */
export class ChangeStream implements AsyncIterableIterator<StoreChange> {
  readonly #storage: Storage
  readonly #scope: ChangeScope
  readonly #ended: () => void
  readonly #unsubscribe: () => void
  readonly #changes: AsyncGenerator<StoreChange, undefined>
  readonly #mailboxes = new Map<string, MessagesChange>()
  readonly #accounts = new Set<string>()
  readonly #marks = new Map<string, ReadMark>()
  #open = true
  #wake = () => {}

  /** Begins at once. `ended` is called once, when the stream is over. */
  constructor(storage: Storage, scope: ChangeScope, ended: () => void) {
    this.#storage = storage
    this.#scope = scope
    this.#ended = ended
    this.#changes = this.#run()
    this.#unsubscribe = storage.subscribe(change => this.#note(change))
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<StoreChange, undefined>> {
    return this.#changes.next()
  }

  async return(): Promise<IteratorResult<StoreChange, undefined>> {
    this.end()
    return { done: true, value: undefined }
  }

  /** Ends the stream, also for a reader that waits. */
  end(): void {
    if (!this.#open) return
    this.#open = false
    this.#unsubscribe()
    this.#ended()
    this.#wake()
  }

  #note(change: StorageChange): void {
    if (change.kind === 'queue') return
    const { account, mailbox } = this.#scope
    if (account !== undefined && change.account !== account) return
    if (change.kind === 'mailboxes') {
      if (mailbox !== undefined) return
      this.#accounts.add(change.account)
    } else {
      if (mailbox !== undefined && change.mailbox !== mailbox) return
      const key = JSON.stringify([change.account, change.mailbox])
      if (!this.#mailboxes.has(key)) this.#mailboxes.set(key, change)
    }
    this.#wake()
  }

  async *#run(): AsyncGenerator<StoreChange, undefined> {
    try {
      while (this.#open) {
        for await (const change of this.#pending()) {
          yield change
          if (!this.#open) return
        }
        await this.#news()
      }
    } finally {
      this.end()
    }
  }

  #news(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
      if (!this.#open || this.#mailboxes.size + this.#accounts.size > 0) resolve()
    })
  }

  async *#pending(): AsyncGenerator<StoreChange> {
    for (const account of this.#accounts) {
      this.#accounts.delete(account)
      yield { kind: 'mailboxes', account }
    }
    for (const [key, change] of this.#mailboxes) {
      this.#mailboxes.delete(key)
      yield* await this.#read(change)
    }
  }

  /** Reads what changed in a mailbox since the counters of `change`, or since it was read last. */
  async #read({ account, mailbox, before }: MessagesChange): Promise<StoreChange[]> {
    try {
      return await this.#readMailbox(account, mailbox, before)
    } catch (thrown) {
      // The mailbox was deleted, or the storage closed, while it was read: there is nothing to tell.
      if (!this.#open || (thrown instanceof MailError && thrown.code === 'NO_SUCH_MAILBOX')) return []
      throw thrown
    }
  }

  async #readMailbox(
    account: string,
    mailbox: string,
    before: MessagesChange['before'],
  ): Promise<StoreChange[]> {
    const { mail } = this.#storage
    const record = await askStorage(
      'mail.mailbox',
      () => mail.mailbox(account, mailbox),
      optional(shapes.mailbox),
    )
    if (!record) return []
    const mark = this.#marks.get(record.id)
    const since = Math.max(before.modseq, mark?.modseq ?? 0)
    const list = () => mail.list(record.id, { changedSince: since })
    const changed = await askStorage('mail.list', list, shapes.messages)
    const removed = await askStorage('mail.vanished', () => mail.vanished(record.id, since), shapes.uids)
    this.#remember(record, changed, removed)
    return describeChanges({ account, mailbox, before, mark, changed, removed })
  }

  /** Reading is not one moment: what was found may be younger than the counters that were read before it. */
  #remember(record: MailboxRecord, changed: readonly MessageRecord[], removed: readonly number[]): void {
    const { highestModseq, uidNext, id } = record
    const ahead = new Map<number, number>()
    for (const { uid, modseq } of changed) if (modseq > highestModseq) ahead.set(uid, modseq)
    for (const uid of removed) ahead.set(uid, Number.POSITIVE_INFINITY)
    this.#marks.delete(id)
    this.#marks.set(id, { modseq: highestModseq, uidNext, ahead })
    if (this.#marks.size <= mostRemembered) return
    for (const oldest of this.#marks.keys()) {
      this.#marks.delete(oldest)
      break
    }
  }
}

interface MailboxNews {
  readonly account: string
  readonly mailbox: string
  readonly before: MessagesChange['before']
  readonly mark: ReadMark | undefined
  readonly changed: readonly MessageRecord[]
  readonly removed: readonly number[]
}

function describeChanges({ account, mailbox, before, mark, changed, removed }: MailboxNews): StoreChange[] {
  const firstNew = Math.max(before.uidNext, mark?.uidNext ?? 0)
  const changes: StoreChange[] = []
  for (const message of changed) {
    const told = mark?.ahead.get(message.uid)
    if (told === message.modseq) continue
    const kind = message.uid >= firstNew && told === undefined ? 'added' : 'flags'
    changes.push({ kind, account, mailbox, message })
  }
  for (const uid of removed) {
    if (mark?.ahead.get(uid) === Number.POSITIVE_INFINITY) continue
    changes.push({ kind: 'removed', account, mailbox, uid })
  }
  return changes
}
