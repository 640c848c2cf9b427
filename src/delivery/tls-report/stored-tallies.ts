import type { RecordStorage, StoredRecord } from '../../storage/record-storage.js'
import type { ReportedPolicy } from '../tls-policy/host-tls.js'
import type { Counted, FailureKind, TlsTally } from './tls-tally.js'

/** What happened to connections under one policy. */
export interface PolicyTally {
  readonly policy: ReportedPolicy
  readonly successes: number
  readonly failures: number
  readonly details: readonly (FailureKind & { readonly 'failed-session-count': number })[]
}

/** What was counted for one domain on one day. */
export interface DomainTally {
  /** First millisecond of the day. */
  readonly day: number
  readonly domain: string
  readonly policies: readonly PolicyTally[]
  /** Of the records it is made of. */
  readonly keys: readonly string[]
}

/**
 * Whether anything is told of connections. A policy that could not be fetched is looked for by the mail of a report too, and
 * alone would lead from one report to the next.
 */
export function tellsOfConnections({ successes, details }: PolicyTally): boolean {
  return successes > 0 || details.some(one => one['receiving-mx-hostname'] !== undefined)
}

/** Where counts are among the records of a storage, by day, domain, policy and kind of failure. */
const space = 'tls-report'

/** Days whose report could not be sent are forgotten after this long. */
const keptFor = 3 * 86_400_000
/** Policies and kinds of failures in a report, whatever all processes together came by. */
const bounds = { policies: 20, details: 100 }

/** Adds what was counted since the last time to the counts of a day. What cannot be stored is left for the next time. */
export async function storeTally(records: RecordStorage, day: number, tally: TlsTally): Promise<void> {
  const counters = [...tally].filter(({ count, stored }) => count > 0 || !stored)
  const stored = await Promise.allSettled(
    counters.map(async counter => {
      const { key, counted, count } = counter
      const record = {
        space,
        key: `${nameOf(day)} ${key}`,
        value: JSON.stringify(counted),
        expiresAt: day + keptFor,
      }
      counter.count = 0
      try {
        await records.add(record, count)
        counter.stored = true
      } catch (thrown) {
        counter.count += count
        throw thrown
      }
    }),
  )
  for (const one of stored) if (one.status === 'rejected') throw one.reason
}

/** What is stored of days before one, a domain at a time. */
export async function* storedTallies(records: RecordStorage, before: number): AsyncGenerator<DomainTally> {
  let rows: StoredRecord[] = []
  for await (const row of rowsBefore(records, nameOf(before))) {
    const [first] = rows
    if (first && ownerOf(first) !== ownerOf(row)) {
      yield tallyOf(first, rows)
      rows = []
    }
    rows.push(row)
  }
  const [first] = rows
  if (first) yield tallyOf(first, rows)
}

export async function removeTally(records: RecordStorage, { keys }: DomainTally): Promise<void> {
  await records.delete(space, keys)
}

async function* rowsBefore(records: RecordStorage, end: string): AsyncGenerator<StoredRecord> {
  for (let after = ''; ; ) {
    const page = await records.list(space, { after })
    for (const row of page) {
      if (row.key >= end) return
      yield row
      after = row.key
    }
    if (page.length === 0) return
  }
}

/** Day and domain. */
function ownerOf({ key }: StoredRecord): string {
  return key.split(' ', 2).join(' ')
}

/** A policy lies before its failures. */
function tallyOf(first: StoredRecord, rows: readonly StoredRecord[]): DomainTally {
  const [day = '', domain = ''] = first.key.split(' ')
  const policies: Summed[] = []
  for (const { value, count } of rows) {
    const counted: Counted = JSON.parse(value)
    if ('policy' in counted)
      policies.push({ policy: counted.policy, successes: count, failures: 0, details: [] })
    else addFailures(policies.at(-1), counted.failure, count)
  }
  return {
    day: Date.parse(day),
    domain,
    policies: policies.slice(0, bounds.policies),
    keys: rows.map(({ key }) => key),
  }
}

interface Summed extends PolicyTally {
  failures: number
  readonly details: PolicyTally['details'][number][]
}

function addFailures(tally: Summed | undefined, kind: FailureKind | null, count: number): void {
  if (!tally) return
  tally.failures += count
  if (kind && tally.details.length < bounds.details)
    tally.details.push({ ...kind, 'failed-session-count': count })
}

function nameOf(day: number): string {
  return new Date(day).toISOString().slice(0, 10)
}
