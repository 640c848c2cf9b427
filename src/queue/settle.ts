import { withDeadline } from '../core/clock.js'
import type { DsnKind } from '../dsn/dsn.js'
import type { MessageSource } from '../message/message-source.js'
import { announceOutcomes, announceSuppressed } from './announce.js'
import type { Fate } from './fate.js'
import { type PersistRequest, persist } from './persist.js'
import { type Outcome, type PlannedDsn, planDsn } from './plan-dsn.js'
import { reportError } from './queue-context.js'

/** How long an entry whose bounce cannot be composed waits before it is tried, and returned, again. */
const bounceRetry = 5 * 60_000
/** How long composing one may take: accounts and signers of the app, which are asked for it, may never answer. */
const planDeadline = 60_000

/** What {@link settle} works with. */
export interface SettleRequest extends PersistRequest {
  readonly outcomes: readonly Outcome[]
  /** What DSNs tell of; not needed where none is called for. */
  readonly message: MessageSource | undefined
}

type Outcomes = readonly [Outcome, ...Outcome[]]

/**
 * Records what became of the entries of one attempt. Recipients that call for a DSN share one and are settled in one
 * commit with it. The others go apart and first: a bounce that cannot be stored must not cause mail that was
 * delivered to be delivered again.
 */
export async function settle(request: SettleRequest): Promise<void> {
  const { outcomes } = request
  await settlePlain(
    request,
    outcomes.filter(({ fate }) => !dsnOf(fate)),
  )
  for (const kind of new Set(outcomes.flatMap(({ fate }) => dsnOf(fate) ?? []))) {
    await settleWithDsn(
      request,
      kind,
      outcomes.filter(({ fate }) => dsnOf(fate) === kind),
    )
  }
}

function dsnOf(fate: Fate): DsnKind | undefined {
  return fate.kind === 'dead' ? undefined : fate.dsn
}

/** Settles without a DSN; those whose leases were lost in the meantime are left out. Resolves to the settled ones. */
async function settlePlain(
  request: SettleRequest,
  outcomes: readonly Outcome[],
): Promise<readonly Outcome[]> {
  const result = await persist(request, outcomes)
  if (result.state !== 'committed') return []
  announceOutcomes(request.context, result.outcomes)
  return result.outcomes
}

/** Settles in one commit with a DSN, which is composed anew without those whose leases are lost meanwhile. */
async function settleWithDsn(request: SettleRequest, kind: DsnKind, outcomes: Outcome[]): Promise<void> {
  const { context } = request
  for (let left = held(request, outcomes); left; left = held(request, left)) {
    const dsn = await tryPlan(request, kind, left)
    if (!dsn) return void (await settlePlain(request, left.map(withoutDsn(context.settings.clock.now()))))
    if ('suppressed' in dsn) {
      announceSuppressed(context, dsn.suppressed, await settlePlain(request, left))
      return
    }
    const result = await persist(request, left, dsn.batch)
    if (result.state === 'committed') {
      announceOutcomes(context, result.outcomes, { dsn, accepted: result.accepted[0] })
      return
    }
    if (result.state === 'failed') {
      // Mail that was delivered leaves the queue, told of or not; what failed is tried again when its lease has run out.
      if (kind === 'delivered' || kind === 'relayed') await settlePlain(request, left.map(withoutDsn(0)))
      return
    }
  }
}

function held({ leases }: SettleRequest, outcomes: readonly Outcome[]): Outcomes | undefined {
  const [first, ...rest] = outcomes.filter(({ entry }) => leases.get(entry.id))
  return first && [first, ...rest]
}

/** The DSN, or `undefined` when something it needs fails for now. */
async function tryPlan(
  request: SettleRequest,
  kind: DsnKind,
  outcomes: Outcomes,
): Promise<PlannedDsn | undefined> {
  const { context, message } = request
  const { traceId } = outcomes[0].entry
  try {
    if (!message) throw new Error('the message is not at hand')
    const planning = planDsn(context, kind, outcomes, message)
    return await withDeadline(context.settings.clock, planDeadline, 'composing it', planning)
  } catch (thrown) {
    reportError(context, `composing a DSN (${kind})`, thrown, traceId)
    return undefined
  }
}

/** The fate while a DSN cannot be composed: what is to be returned stays, a warning waits for the next attempt. */
function withoutDsn(now: number): (outcome: Outcome) => Outcome {
  return outcome => {
    const { fate } = outcome
    if (fate.kind === 'returned') return { ...outcome, fate: { kind: 'waiting', retryAt: now + bounceRetry } }
    if (fate.kind === 'dead') return outcome
    const { dsn: _, ...silent } = fate
    return { ...outcome, fate: silent }
  }
}
