import type {
  LeasedEntry,
  LeaseRef,
  LeaseRequest,
  QueueCounts,
  QueueEntry,
  QueueFilter,
  QueueStorage,
  SettledEntry,
  Settlement,
  SettleResult,
} from '../queue-storage.js'
import type { NewRecord } from '../record-storage.js'
import type { Connection } from './connection.js'
import type { Ending } from './entry-changes.js'
import { countsByState, listEntries, nextDue, readEntry } from './entry-rows.js'
import { withPrepared } from './prepare-batch.js'

/** The queue in SQLite. */
export class SqliteQueue implements QueueStorage {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  lease(request: LeaseRequest): Promise<LeasedEntry[]> {
    return this.#connection.write('lease', [request])
  }

  renew(leases: readonly LeaseRef[], expiresAt: number): Promise<string[]> {
    return this.#connection.write('renew', [leases.map(leaseRef), expiresAt])
  }

  giveBack(leases: readonly LeaseRef[]): Promise<void> {
    return this.#connection.write('giveBack', [leases.map(leaseRef)])
  }

  async settle(settlement: Settlement): Promise<SettleResult> {
    this.#connection.assertOpen()
    return this.#connection.track(this.#settle(settlement))
  }

  async #settle({ entries, accept = [], records = [] }: Settlement) {
    return withPrepared(this.#connection, accept, (batches, weight) =>
      this.#connection.run('settle', [entries.map(ending), batches, records], weight),
    )
  }

  get(id: string): Promise<QueueEntry | undefined> {
    return this.#connection.read(statements => readEntry(statements, id))
  }

  list(filter: QueueFilter = {}): Promise<QueueEntry[]> {
    return this.#connection.read(statements => listEntries(statements, filter))
  }

  nextDue(): Promise<number | undefined> {
    return this.#connection.read(nextDue)
  }

  counts(): Promise<QueueCounts> {
    return this.#connection.read(countsByState)
  }

  hold(ids: readonly string[]): Promise<string[]> {
    return this.#connection.write('hold', [ids])
  }

  release(ids: readonly string[], dueAt: number): Promise<string[]> {
    return this.#connection.write('release', [ids, dueAt])
  }

  drop(ids: readonly string[], records?: ReadonlyMap<string, readonly NewRecord[]>): Promise<string[]> {
    return this.#connection.write('drop', [ids, records])
  }
}

/** What a thread is sent of a settled entry. */
function ending({ id, token, attempt, next }: SettledEntry): Ending {
  return next.state === 'done' ? { id, token } : { id, token, ...(attempt && { attempt }), next }
}

/** A lease is often a whole entry: what a thread is sent is the reference. */
function leaseRef({ id, token }: LeaseRef): LeaseRef {
  return { id, token }
}
