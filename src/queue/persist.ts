import { sleep } from '../core/clock.js'
import type { LeaseRef, SettledEntry, SettleResult } from '../storage/queue-storage.js'
import type { AcceptBatch, AcceptResult } from '../storage/storage.js'
import type { Leases } from './leases.js'
import { endedRecords } from './operation/ended-recipients.js'
import { suppressionRecords } from './operation/suppress.js'
import type { Outcome } from './plan-dsn.js'
import { type QueueContext, reportError } from './queue-context.js'

/** Waits between tries while storage fails. */
const firstWait = 1_000
const longestWait = 30_000

/** What {@link persist} works with. */
export interface PersistRequest {
  readonly context: QueueContext
  readonly leases: Leases
  /** Its signal ends waiting for storage. */
  readonly closing: AbortController
}

/**
 * How a commit ended: made, for the outcomes whose leases were held; not made because leases were lost; not made because
 * storage failed for too long.
 */
export type Persisted =
  | { readonly state: 'committed'; readonly outcomes: readonly Outcome[]; readonly accepted: AcceptResult[] }
  | { readonly state: 'lost' }
  | { readonly state: 'failed' }

/**
 * Settles the outcomes whose leases are held, with a DSN in the same commit where there is one. Those of leases lost
 * meanwhile are left out; where there is a DSN, nothing is settled, as it tells of them: the caller composes it anew. While
 * storage fails it tries again, for as long as a lease lasts: by then another process may have the entries.
 */
export async function persist(
  request: PersistRequest,
  outcomes: readonly Outcome[],
  accept?: AcceptBatch,
): Promise<Persisted> {
  const { context, leases, closing } = request
  const { clock, lease } = context.settings
  const end = clock.monotonic() + lease
  for (let wait = firstWait; ; wait = Math.min(wait * 2, longestWait)) {
    const held = outcomes.filter(({ entry }) => leases.get(entry.id))
    if (held.length === 0 || (accept && held.length < outcomes.length)) return { state: 'lost' }
    try {
      const result = await commit(request, held, accept)
      if (result.settled) return { state: 'committed', outcomes: held, accepted: [...result.accepted] }
      if (accept) return { state: 'lost' }
    } catch (thrown) {
      reportError(context, 'settling an attempt', thrown, held[0]?.entry.traceId)
      if (clock.monotonic() + wait > end || !(await pause(request, wait, closing.signal)))
        return { state: 'failed' }
    }
  }
}

async function commit(
  { context, leases }: PersistRequest,
  outcomes: readonly Outcome[],
  accept: AcceptBatch | undefined,
): Promise<SettleResult> {
  const entries = outcomes.flatMap(outcome => settledEntry(outcome, leases.get(outcome.entry.id)))
  const records = outcomes.flatMap(outcome => [
    ...endedRecords(context, outcome),
    ...suppressionRecords(context, outcome),
  ])
  const settlement = {
    entries,
    ...(accept && { accept: [accept] }),
    ...(records.length > 0 && { records }),
  }
  return leases.settle(entries, () => context.settings.storage.queue.settle(settlement))
}

function settledEntry({ attempt, fate, untried }: Outcome, lease: LeaseRef | undefined): SettledEntry[] {
  if (!lease) return []
  switch (fate.kind) {
    case 'delivered':
    case 'returned':
      return [{ ...lease, attempt, next: { state: 'done' } }]
    case 'dead':
      return [{ ...lease, attempt, next: { state: 'dead', problem: fate.problem } }]
    case 'waiting': {
      const { retryAt: dueAt, dsn, family } = fate
      const next = { state: 'waiting', dueAt, ...(dsn && { warned: true }) } as const
      if (untried) return [{ ...lease, next }]
      return [{ ...lease, attempt: family ? { ...attempt, nextFamily: family } : attempt, next }]
    }
  }
}

async function pause({ context }: PersistRequest, wait: number, signal: AbortSignal): Promise<boolean> {
  return sleep(context.settings.clock, wait, signal).then(
    () => true,
    () => false,
  )
}
