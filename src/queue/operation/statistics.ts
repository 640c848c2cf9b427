import { setImmediate as nextTurn } from 'node:timers/promises'
import { z } from 'zod'
import { lazy } from '../../core/options.js'
import type { QueueCounts, QueueEntry } from '../../storage/queue-storage.js'
import type { Storage } from '../../storage/storage.js'

/** What the queue holds. Instants are epoch milliseconds. */
export interface QueueStatistics extends QueueCounts {
  /** When the oldest entry was queued, if there is one. */
  readonly oldestQueuedAt?: number
  /** When the next waiting entry is due, if there is one. */
  readonly nextAttemptAt?: number
  /** Octets of messages, counted once for each recipient. */
  readonly size: number
  /** By age in hours: below 1, 4, 12, 24, 48 and older. */
  readonly ages: readonly number[]
  /** The busiest first. */
  readonly destinations: readonly DestinationStatistics[]
  /** Destinations beyond those named. */
  readonly otherDestinations: number
  /** The same destinations by the site that they lead to, the busiest first. */
  readonly sites: readonly SiteStatistics[]
}

/** What the queue holds for the destinations that one site takes mail for. */
export interface SiteStatistics extends Omit<DestinationStatistics, 'destination'> {
  /** As `queue.sites()` names it. */
  readonly site: string
  /** How many destinations lead there. */
  readonly destinations: number
}

/** What the queue holds for one destination. */
export interface DestinationStatistics extends QueueCounts {
  readonly destination: string
  readonly total: number
  readonly oldestQueuedAt: number
  readonly nextAttemptAt?: number
  /** Why the last of its attempts did not deliver, as far as one is on record. */
  readonly lastReason?: string
}

/** What `statistics()` is asked for. */
export interface StatisticsOptions {
  /** How many destinations to name, the busiest; from 0 to 10,000. Default: 100. */
  destinations?: number
}

/** The schema of {@link StatisticsOptions}. */
export const statisticsSchema = lazy(() =>
  z.strictObject({ destinations: z.int().min(0).max(10_000).default(100) }),
)

const anHour = 3_600_000
const ageLimits = [1, 4, 12, 24, 48].map(hours => hours * anHour)
const pageSize = 500
const states = ['waiting', 'leased', 'held', 'dead'] as const

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
type Tally = Mutable<DestinationStatistics> & { lastAttemptAt: number }

/**
 * Goes through the queue a page at a time, and lets others have their turn between; what it keeps grows with the number of
 * destinations only.
 */
export async function gatherStatistics(
  storage: Storage,
  now: number,
  mostDestinations: number,
  siteOf: (destination: string) => Promise<string>,
): Promise<QueueStatistics> {
  const whole = newTally('')
  const tallies = new Map<string, Tally>()
  const ages = [...ageLimits.map(() => 0), 0]
  let size = 0
  for (let after = ''; ; await nextTurn()) {
    const page = await storage.queue.list({ after, limit: pageSize })
    for (const entry of page) {
      size += entry.size
      const age = ageLimits.findIndex(limit => now - entry.queuedAt < limit)
      const bin = age === -1 ? ages.length - 1 : age
      ages[bin] = (ages[bin] ?? 0) + 1
      count(whole, entry)
      count(tallyOf(tallies, entry.destination), entry)
    }
    const last = page.at(-1)
    if (!last || page.length < pageSize) break
    after = last.id
  }
  const busiest = [...tallies.values()].sort((a, b) => b.total - a.total)
  const named = busiest.slice(0, mostDestinations)
  return {
    ...summarize(whole),
    size,
    ages,
    destinations: named.map(told),
    otherDestinations: busiest.length - named.length,
    sites: await foldBySite(named, siteOf),
  }
}

async function foldBySite(
  tallies: readonly Tally[],
  siteOf: (destination: string) => Promise<string>,
): Promise<SiteStatistics[]> {
  const names = await Promise.all(tallies.map(({ destination }) => siteOf(destination)))
  const bySite = new Map<string, Tally[]>()
  tallies.forEach((tally, index) => {
    const site = names[index] ?? tally.destination
    const members = bySite.get(site)
    if (members) members.push(tally)
    else bySite.set(site, [tally])
  })
  const sites = Array.from(bySite, ([site, members]) => {
    const { destination: _, ...sum } = told(members.reduce(join))
    return { site, destinations: members.length, ...sum }
  })
  return sites.sort((a, b) => b.total - a.total)
}

function join(a: Tally, b: Tally): Tally {
  const latest = b.lastAttemptAt > a.lastAttemptAt ? b : a
  const next = Math.min(
    a.nextAttemptAt ?? Number.POSITIVE_INFINITY,
    b.nextAttemptAt ?? Number.POSITIVE_INFINITY,
  )
  const joined: Tally = {
    ...latest,
    total: a.total + b.total,
    oldestQueuedAt: Math.min(a.oldestQueuedAt, b.oldestQueuedAt),
    ...(next < Number.POSITIVE_INFINITY && { nextAttemptAt: next }),
  }
  for (const state of states) joined[state] = a[state] + b[state]
  return joined
}

function told({ lastAttemptAt: _, ...tally }: Tally): DestinationStatistics {
  return tally
}

function tallyOf(tallies: Map<string, Tally>, destination: string): Tally {
  const tally = tallies.get(destination) ?? newTally(destination)
  tallies.set(destination, tally)
  return tally
}

function newTally(destination: string): Tally {
  const counts = { waiting: 0, leased: 0, held: 0, dead: 0, total: 0 }
  const instants = { oldestQueuedAt: Number.POSITIVE_INFINITY, lastAttemptAt: Number.NEGATIVE_INFINITY }
  return { destination, ...counts, ...instants }
}

function count(tally: Tally, { state, queuedAt, dueAt, history }: QueueEntry): void {
  tally.total++
  tally[state]++
  tally.oldestQueuedAt = Math.min(tally.oldestQueuedAt, queuedAt)
  if (state === 'waiting') tally.nextAttemptAt = Math.min(tally.nextAttemptAt ?? dueAt, dueAt)
  const last = history.at(-1)
  if (!last || last.endedAt < tally.lastAttemptAt) return
  tally.lastAttemptAt = last.endedAt
  tally.lastReason = last.reason
}

function summarize(whole: Tally): QueueCounts & Pick<QueueStatistics, 'oldestQueuedAt' | 'nextAttemptAt'> {
  const { waiting, leased, held, dead, total, oldestQueuedAt, nextAttemptAt } = whole
  return {
    ...{ waiting, leased, held, dead },
    ...(total > 0 && { oldestQueuedAt }),
    ...(nextAttemptAt !== undefined && { nextAttemptAt }),
  }
}
