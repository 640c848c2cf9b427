import type { QueueEntry, SettledEntry } from './queue-storage.js'

/** What a storage knows of a lease, beside its end, which is the `dueAt` of the entry. */
export interface Lease {
  /** Shows whose it is. */
  readonly token: string
  /** When the entry was due before. */
  readonly dueBefore: number
  /** Whether the entry is to be held after the attempt. */
  readonly holdAfter?: boolean
}

/** What leases, settlements and the operator change of a queue entry: a problem while it is dead, a lease while it is leased. */
export interface EntryStanding
  extends Pick<QueueEntry, 'state' | 'dueAt' | 'attempts' | 'warned' | 'problem'> {
  readonly lease?: Lease
}

/** An entry that is leased, also after a lease that ran out: the attempt counts before anything is dialled. */
export function leaseEntry(
  { dueAt: dueBefore, attempts, warned }: EntryStanding,
  token: string,
  expiresAt: number,
): EntryStanding {
  return { state: 'leased', dueAt: expiresAt, attempts: attempts + 1, warned, lease: { token, dueBefore } }
}

/** A leased entry as it was before its lease. */
export function giveBackEntry({ lease, dueAt, attempts, warned }: EntryStanding): EntryStanding {
  return { state: stateAfter(lease), dueAt: lease?.dueBefore ?? dueAt, attempts: attempts - 1, warned }
}

/** A leased entry whose lease ran out, and nobody leases again. */
export function expireEntry({ lease, dueAt, attempts, warned }: EntryStanding): EntryStanding {
  return { state: stateAfter(lease), dueAt, attempts, warned }
}

/** A leased entry after its attempt, without its history; `undefined` when it leaves the queue. */
export function settleEntry(
  { lease, dueAt, warned, ...before }: EntryStanding,
  { attempt, next }: Pick<SettledEntry, 'attempt' | 'next'>,
): EntryStanding | undefined {
  const attempts = attempt ? before.attempts : before.attempts - 1
  if (next.state === 'done') return undefined
  if (next.state === 'dead') return { state: 'dead', dueAt, attempts, warned, problem: next.problem }
  return { state: stateAfter(lease), dueAt: next.dueAt, attempts, warned: next.warned ?? warned }
}

/** An entry that the operator holds, a leased one after its attempt; `undefined` when nothing changes. */
export function holdEntry({ state, lease, ...rest }: EntryStanding): EntryStanding | undefined {
  if (lease) return { ...rest, state, lease: { ...lease, holdAfter: true } }
  return state === 'waiting' ? { ...rest, state: 'held' } : undefined
}

/** An entry that waits until `dueAt`, or one that is leased and not to be held any more; `undefined` for others that are leased. */
export function releaseEntry(
  { lease, attempts, warned, ...before }: EntryStanding,
  dueAt: number,
): EntryStanding | undefined {
  if (!lease) return { state: 'waiting', dueAt, attempts, warned }
  const { token, dueBefore, holdAfter } = lease
  return holdAfter ? { ...before, attempts, warned, lease: { token, dueBefore } } : undefined
}

function stateAfter(lease: Lease | undefined): 'held' | 'waiting' {
  return lease?.holdAfter ? 'held' : 'waiting'
}
