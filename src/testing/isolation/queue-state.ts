import { newTraceId } from '../../core/trace.js'
import { bytesSource, readAll } from '../../message/sources.js'
import type { LeasedEntry, QueueEntry, SettledEntry } from '../../storage/queue-storage.js'
import type { Storage } from '../../storage/storage.js'

/** A queue entry of a snapshot, and its message. */
export interface KeptEntry {
  readonly entry: QueueEntry
  readonly bytes: Buffer
}

/** How long attempts of the past may take to be written down, in milliseconds. */
const leaseTime = 60_000

/** What the queue has now. Entries of one message share its bytes. */
export async function readQueue(storage: Storage): Promise<KeptEntry[]> {
  const messages = new Map<string, Buffer>()
  const kept: KeptEntry[] = []
  for (const entry of await allEntries(storage)) {
    const blob = messages.has(entry.blob) ? undefined : await storage.blobs.open(entry.blob)
    if (blob) messages.set(entry.blob, await readAll(blob))
    const bytes = messages.get(entry.blob)
    if (bytes) kept.push({ entry, bytes })
  }
  return kept
}

/** Takes all out of the queue. */
export async function clearQueue(storage: Storage): Promise<void> {
  const entries = await allEntries(storage)
  if (entries.length > 0) await storage.queue.drop(entries.map(entry => entry.id))
}

/**
 * Fills a queue that is empty and begins no attempts. The attempts that entries have behind them are written down one
 * after another, as a queue does: there is no other way to have a delay warned of, or an entry dead.
 */
export async function writeQueue(storage: Storage, kept: readonly KeptEntry[], now: number): Promise<void> {
  const entries = new Map<string, QueueEntry>()
  for (const message of byMessage(kept)) {
    const ids = await requeue(storage, message, now)
    for (const [index, id] of ids.entries()) {
      const entry = message[index]?.entry
      if (entry) entries.set(id, entry)
    }
  }
  const longest = Math.max(0, ...kept.map(({ entry }) => settlements(entry)))
  for (let round = 0; round < longest; round++) await repeatAttempts(storage, entries, now)
  const held = [...entries].filter(([, { state }]) => state === 'held').map(([id]) => id)
  if (held.length > 0) await storage.queue.hold(held)
}

/** Entries of one message, in groups: they travel in one transaction where their destination is one. */
function byMessage(kept: readonly KeptEntry[]): KeptEntry[][] {
  const groups = new Map<string, KeptEntry[]>()
  for (const each of kept) {
    const { blob, traceId, queuedAt } = each.entry
    const key = `${blob} ${traceId} ${queuedAt}`
    groups.set(key, [...(groups.get(key) ?? []), each])
  }
  return [...groups.values()]
}

/** Resolves to the new ids. */
async function requeue(
  storage: Storage,
  message: readonly KeptEntry[],
  now: number,
): Promise<readonly string[]> {
  const [first] = message
  if (!first) return []
  const { traceId, envelope, submitter, queuedAt } = first.entry
  const { entries } = await storage.accept({
    id: `restored-${newTraceId()}`,
    message: bytesSource(first.bytes),
    receivedAt: queuedAt,
    copies: [],
    queued: {
      traceId,
      envelope,
      recipients: message.map(({ entry }) => ({
        ...entry.recipient,
        destination: entry.destination,
        dueAt: settlements(entry) > 0 ? longAgo : dueAt(entry, now),
      })),
      ...(submitter !== undefined && { submitter }),
    },
  })
  return entries
}

/** How many attempts are to be written down; a delay is warned of in one, though nothing may have been tried. */
function settlements({ history, warned }: QueueEntry): number {
  return history.length > 0 ? history.length : Number(warned)
}

/** Earlier than any entry is due: what has attempts behind it that are to be written down. */
const longAgo = 0

/** The next attempt. One that was under way is to be made again: its lease was of another time. */
function dueAt({ state, dueAt: due }: QueueEntry, now: number): number {
  return state === 'leased' ? now : due
}

/** Writes down the next attempt of each entry that had more. */
async function repeatAttempts(
  { queue }: Storage,
  entries: ReadonlyMap<string, QueueEntry>,
  now: number,
): Promise<void> {
  const leased = await queue.lease({ now: longAgo, expiresAt: now + leaseTime, limit: entries.size })
  const settled = leased.flatMap(lease => {
    const entry = entries.get(lease.id)
    return entry ? [repeated(lease, entry, now)] : []
  })
  if (settled.length > 0) await queue.settle({ entries: settled })
}

function repeated({ id, token, attempts }: LeasedEntry, entry: QueueEntry, now: number): SettledEntry {
  const { history, warned, state, problem = '' } = entry
  const attempt = history[attempts - 1]
  const settled = { id, token, ...(attempt && { attempt }) }
  if (attempts < history.length) return { ...settled, next: { state: 'waiting', dueAt: longAgo } }
  const next =
    state === 'dead'
      ? ({ state, problem } as const)
      : ({ state: 'waiting', dueAt: dueAt(entry, now), warned } as const)
  return { ...settled, next }
}

async function allEntries({ queue }: Storage): Promise<QueueEntry[]> {
  const entries: QueueEntry[] = []
  for (;;) {
    const last = entries.at(-1)
    const more = await queue.list(last === undefined ? {} : { after: last.id })
    if (more.length === 0) return entries
    entries.push(...more)
  }
}
