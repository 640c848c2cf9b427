import { describeError, MailError } from '../../core/error.js'
import { parseOptions } from '../../core/options.js'
import type { MailboxRecord, MailStorage, MessageRecord, Usage } from '../../storage/mail-storage.js'
import { askStorage, shapes } from '../storage-door.js'
import { MailboxCursor, oldestOf } from './oldest-first.js'
import { limitsSchema, type RetentionLimitsMs, type RetentionSettings } from './options.js'
import type { RetentionFailure, RetentionRemoval, RetentionResult } from './retention.js'

/** How many messages are removed in one commit. */
const batchSize = 500
const accountsPage = 1_000

/** What a run works on. */
export interface RetentionSurroundings {
  readonly mail: MailStorage
  readonly retention: RetentionSettings
  readonly now: number
  /** @throws MailError `CLOSED`, which ends the run. */
  assertOpen(): void
}

/** Mailboxes that share limits, and what they keep together. */
interface Lot {
  readonly mailboxes: readonly MailboxRecord[]
  readonly limits: RetentionLimitsMs
  readonly kept: Usage
}

/** Removes what is beyond the limits, once, account by account. */
export class RetentionRun {
  readonly #around: RetentionSurroundings
  readonly #removed = new Map<string, { account: string; mailbox: string; messages: number; bytes: number }>()
  readonly #failed: RetentionFailure[] = []

  constructor(around: RetentionSurroundings) {
    this.#around = around
  }

  /** @throws MailError `CLOSED`; what listing the accounts threw. */
  async run(): Promise<RetentionResult> {
    for await (const account of this.#accounts()) {
      try {
        await this.#applyTo(account)
      } catch (thrown) {
        this.#around.assertOpen()
        this.#failed.push({ account, error: asMailError(thrown) })
      }
    }
    const mailboxes: RetentionRemoval[] = [...this.#removed.values()]
    const sum = (field: 'messages' | 'bytes') =>
      mailboxes.reduce((total, mailbox) => total + mailbox[field], 0)
    return { messages: sum('messages'), bytes: sum('bytes'), mailboxes, failed: this.#failed }
  }

  /** Accounts that a limit may be for. */
  async *#accounts(): AsyncGenerator<string> {
    const { retention, mail } = this.#around
    const named = typeof retention === 'function' ? [undefined] : retention.map(rule => rule.account)
    if (!named.includes(undefined)) {
      yield* new Set(named.filter(account => account !== undefined))
      return
    }
    for (let after = ''; ; ) {
      this.#around.assertOpen()
      const query = { after, limit: accountsPage }
      const page = await askStorage('mail.accounts', () => mail.accounts(query), shapes.names)
      yield* page
      const last = page.at(-1)
      if (last === undefined) return
      after = last
    }
  }

  async #applyTo(account: string): Promise<void> {
    const { retention } = this.#around
    if (typeof retention === 'function') {
      for (const mailbox of await this.#mailboxes(account)) {
        const limits = parseOptions('retention', limitsSchema(), await retention(mailbox))
        if (limits) await this.#retire(lotOf(limits, [mailbox]))
      }
      return
    }
    for (const { account: owner = account, mailbox, ...limits } of retention) {
      if (owner !== account) continue
      // Read again for each rule: what one removed counts no more for the next.
      const mailboxes = await this.#mailboxes(account)
      const concerned = mailboxes.filter(({ name }) => mailbox === undefined || name === mailbox)
      await this.#retire(lotOf(limits, concerned))
    }
  }

  /** Mailboxes that keep something. */
  async #mailboxes(account: string): Promise<MailboxRecord[]> {
    const { mail } = this.#around
    this.#around.assertOpen()
    const records = await askStorage('mail.mailboxes', () => mail.mailboxes(account), shapes.mailboxes)
    return records.filter(mailbox => mailbox.messages > 0)
  }

  async #retire({ mailboxes, limits, kept }: Lot): Promise<void> {
    const { mail, now } = this.#around
    const { maxAge = Number.POSITIVE_INFINITY } = limits
    let messages = kept.messages - (limits.maxMessages ?? Number.POSITIVE_INFINITY)
    let bytes = kept.bytes - (limits.maxBytes ?? Number.POSITIVE_INFINITY)
    if (messages <= 0 && bytes <= 0 && maxAge === Number.POSITIVE_INFINITY) return
    const cursors = mailboxes.map(mailbox => new MailboxCursor(mailbox, mail))
    const batches = new Batches((mailbox, batch) => this.#remove(mailbox, batch))
    for (let oldest = await oldestOf(cursors); oldest; oldest = await oldestOf(cursors)) {
      const { cursor, message } = oldest
      if (messages > 0 || bytes > 0 || message.savedAt <= now - maxAge) {
        messages--
        bytes -= message.size
        await batches.add(cursor.mailbox, message)
      } else if (message.savedAt <= now) {
        // All behind it are younger. What came in the future, by a clock that was wrong, hides nothing.
        cursors.splice(cursors.indexOf(cursor), 1)
      }
      cursor.advance()
    }
    await batches.flush()
  }

  async #remove(mailbox: MailboxRecord, batch: readonly MessageRecord[]): Promise<void> {
    this.#around.assertOpen()
    const { mail } = this.#around
    const uids = batch.map(message => message.uid)
    const gone = new Set(await askStorage('mail.expunge', () => mail.expunge(mailbox.id, uids), shapes.uids))
    const { account, name } = mailbox
    const removal = this.#removed.get(mailbox.id) ?? { account, mailbox: name, messages: 0, bytes: 0 }
    for (const { uid, size } of batch) {
      if (!gone.has(uid)) continue
      removal.messages++
      removal.bytes += size
    }
    if (removal.messages > 0) this.#removed.set(mailbox.id, removal)
  }
}

function lotOf(limits: RetentionLimitsMs, mailboxes: readonly MailboxRecord[]): Lot {
  const sum = (field: 'messages' | 'bytes') => mailboxes.reduce((total, mailbox) => total + mailbox[field], 0)
  return { limits, mailboxes, kept: { messages: sum('messages'), bytes: sum('bytes') } }
}

/** Gathers messages to remove, by their mailbox. */
class Batches {
  readonly #batches = new Map<MailboxRecord, MessageRecord[]>()
  readonly #remove: (mailbox: MailboxRecord, batch: readonly MessageRecord[]) => Promise<void>

  constructor(remove: (mailbox: MailboxRecord, batch: readonly MessageRecord[]) => Promise<void>) {
    this.#remove = remove
  }

  async add(mailbox: MailboxRecord, message: MessageRecord): Promise<void> {
    const batch = this.#batches.get(mailbox) ?? []
    this.#batches.set(mailbox, batch)
    batch.push(message)
    if (batch.length < batchSize) return
    this.#batches.delete(mailbox)
    await this.#remove(mailbox, batch)
  }

  async flush(): Promise<void> {
    for (const [mailbox, batch] of this.#batches) await this.#remove(mailbox, batch)
    this.#batches.clear()
  }
}

function asMailError(thrown: unknown): MailError {
  if (thrown instanceof MailError) return thrown
  return new MailError('HANDLER_FAILED', `retention: the function threw: ${describeError(thrown)}`, {
    temporary: true,
    cause: thrown,
  })
}
