import type { DeliveryQueue, QueueEntry } from '../../src/index.js'
import type { SqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js'
import type { MailProcessReport } from './host.js'
import { keyOf, readBytes, readMail } from './letter.js'

/** Whoever looks after the queue: holds, releases and drops, and has the space of deleted mail given back. */
export class Operator {
  readonly #queue: DeliveryQueue
  readonly #storage: SqliteStorage
  readonly #tell: (report: MailProcessReport) => void
  #turns = 0
  #leaving = false

  constructor(queue: DeliveryQueue, storage: SqliteStorage, tell: (report: MailProcessReport) => void) {
    this.#queue = queue
    this.#storage = storage
    this.#tell = tell
  }

  /** Does one thing, another each time. */
  async act(): Promise<void> {
    if (this.#leaving) return
    const turn = ++this.#turns
    if (turn % 5 === 1) await this.#queue.hold(idsOf(await this.#queue.list({ state: 'waiting', limit: 2 })))
    if (turn % 5 === 3) await this.#releaseAll()
    if (turn % 15 === 4) await this.#drop()
    if (turn % 50 === 5) await this.#storage.compact()
  }

  /** Has everything delivered that is there. */
  async drain(): Promise<void> {
    this.#leaving = true
    for (;;) {
      await this.#releaseAll()
      const { waiting, leased, held } = await this.#queue.counts()
      if (waiting + leased + held === 0) return
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  async #releaseAll(): Promise<void> {
    await this.#queue.release(idsOf(await this.#queue.list({ state: 'held' })))
  }

  async #drop(): Promise<void> {
    const [entry] = await this.#queue.list({ limit: 1 })
    const source = entry && (await this.#storage.blobs.open(entry.blob))
    const mail = source && readMail(await readBytes(source))
    // A bounce is for the ledger to find.
    if (!mail || mail.returns) return
    this.#tell({ removing: keyOf(mail.name, entry.recipient.address) })
    await this.#queue.drop(entry.id)
  }
}

function idsOf(entries: readonly QueueEntry[]): string[] {
  return entries.map(({ id }) => id)
}
