import type { QueueEntry } from '../../storage/queue-storage.js'
import { largestRecord, type NewRecord } from '../../storage/record-storage.js'
import type { Storage } from '../../storage/storage.js'
import { attemptsMade } from '../attempts-made.js'
import type { Outcome } from '../plan-dsn.js'
import type { QueueContext } from '../queue-context.js'

/** A recipient whose entry left the queue, and every attempt for it: the last 500, fewer where servers said much. */
export interface EndedRecipient
  extends Pick<
    QueueEntry,
    | 'id'
    | 'traceId'
    | 'size'
    | 'envelope'
    | 'recipient'
    | 'destination'
    | 'submitter'
    | 'queuedAt'
    | 'attempts'
    | 'history'
  > {
  /** The next server took the message, it was given up on, or the operator dropped it. */
  readonly end: 'delivered' | 'bounced' | 'dropped'
  /** Epoch milliseconds. */
  readonly endedAt: number
  /** Whether it was given up on because its time was over, not because it was refused. */
  readonly expired?: true
}

/** Which ended recipients to list; conditions are joined by "and". */
export interface HistoryFilter {
  readonly traceId?: string
  /** The exact address in wire form. */
  readonly recipient?: string
  /** Those after this id. */
  readonly after?: string
  /** Default: 1,000. */
  readonly limit?: number
}

/**
 * Where they are among the records of a storage: once by the id of the entry, and by what they are looked up by, with the
 * id as the value.
 */
export const historySpaces = {
  byId: 'ended',
  byTrace: 'ended-by-trace',
  byRecipient: 'ended-by-recipient',
} as const

/** What to remember of an entry that leaves the queue by an attempt; nothing where nothing is to be. */
export function endedRecords({ settings }: QueueContext, outcome: Outcome): NewRecord[] {
  const { entry, attempt, fate } = outcome
  if (!settings.history || (fate.kind !== 'delivered' && fate.kind !== 'returned')) return []
  const end = fate.kind === 'delivered' ? 'delivered' : 'bounced'
  const expired = fate.kind === 'returned' && fate.expired
  const ended = {
    ...endedEntry(entry),
    ...attemptsMade(outcome),
    end,
    endedAt: attempt.endedAt,
    ...(expired && { expired }),
  } as const
  return recordsOf(ended, settings.history.keep)
}

/** What to remember of entries that are dropped, by id. */
export function droppedRecords(
  { settings }: QueueContext,
  entries: readonly QueueEntry[],
): ReadonlyMap<string, NewRecord[]> | undefined {
  const { history, clock } = settings
  if (!history) return undefined
  const ended = { end: 'dropped', endedAt: clock.now() } as const
  return new Map(
    entries.map(entry => [entry.id, recordsOf({ ...endedEntry(entry), ...ended }, history.keep)]),
  )
}

function endedEntry(entry: QueueEntry) {
  const { id, traceId, size, envelope, recipient, destination, submitter, queuedAt, attempts, history } =
    entry
  const known = { id, traceId, size, envelope, recipient, destination, queuedAt, attempts, history }
  return { ...known, ...(submitter !== undefined && { submitter }) }
}

function recordsOf(ended: EndedRecipient, keep: number): NewRecord[] {
  const { id, traceId, recipient, endedAt } = ended
  const expiresAt = endedAt + keep
  return [
    { space: historySpaces.byId, key: id, value: encode(ended), expiresAt },
    { space: historySpaces.byTrace, key: `${traceId} ${id}`, value: id, expiresAt },
    { space: historySpaces.byRecipient, key: `${recipient.address} ${id}`, value: id, expiresAt },
  ]
}

/** What would not fit, as servers said much, does without its first attempts. */
function encode(ended: EndedRecipient): string {
  const value = JSON.stringify(ended)
  if (value.length <= largestRecord || ended.history.length === 0) return value
  return encode({ ...ended, history: ended.history.slice(Math.ceil(ended.history.length / 2)) })
}

/** Ended recipients that are remembered at `now`, by id. */
export async function findEnded(
  { records }: Storage,
  filter: HistoryFilter,
  now: number,
): Promise<EndedRecipient[]> {
  const { after = '', limit = 1_000 } = filter
  const [space, prefix] = placeOf(filter)
  const found: EndedRecipient[] = []
  for (let last = prefix + after; found.length < limit; ) {
    const page = await records.list(space, { prefix, after: last, limit: limit - found.length })
    for (const { key, value, expiresAt = now } of page) {
      last = key
      const text =
        space === historySpaces.byId ? value : (await records.get(historySpaces.byId, value))?.value
      const ended: EndedRecipient | undefined = text === undefined ? undefined : JSON.parse(text)
      if (ended && expiresAt > now && fits(ended, filter)) found.push(ended)
    }
    if (page.length === 0) break
  }
  return found
}

/** What is walked through; a trace has fewer recipients than a recipient has mail. */
function placeOf({ traceId, recipient }: HistoryFilter): [space: string, prefix: string] {
  if (traceId !== undefined) return [historySpaces.byTrace, `${traceId} `]
  if (recipient !== undefined) return [historySpaces.byRecipient, `${recipient} `]
  return [historySpaces.byId, '']
}

function fits({ traceId, recipient }: EndedRecipient, filter: HistoryFilter): boolean {
  return (
    (filter.traceId === undefined || filter.traceId === traceId) &&
    (filter.recipient === undefined || filter.recipient === recipient.address)
  )
}
