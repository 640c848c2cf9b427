import type { FlagChange, FlagResult, MessageQuery, MessageRecord, UidRange } from '../mail-storage.js'

const fewestTombstones = 10_000

/** A message before it has a place. */
export type NewMessage = Omit<MessageRecord, 'uid' | 'modseq'>

/**
 * The messages of one mailbox: frozen records, ascending by UID, so that a UID is found by bisection; and a log of
 * them ascending by MODSEQ, so that what changed lately is found without looking at what did not.
 */
export class MailboxMessages {
  #records: MessageRecord[] = []
  /** Records in the order they were made, outdated ones included until they are the greater part. */
  #log: MessageRecord[] = []
  #tombstones: { readonly uid: number; readonly modseq: number }[] = []
  uidNext = 1
  highestModseq = 1
  unseen = 0
  bytes = 0

  get count(): number {
    return this.#records.length
  }

  get(uid: number): MessageRecord | undefined {
    const record = this.#records[this.#indexOf(uid)]
    return record?.uid === uid ? record : undefined
  }

  append(message: NewMessage): MessageRecord {
    const record = makeRecord(message, this.uidNext++, ++this.highestModseq)
    this.#records.push(record)
    this.#remember(record)
    this.#count(record, 1)
    return record
  }

  list({ uids, changedSince, limit = Number.POSITIVE_INFINITY }: MessageQuery = {}): MessageRecord[] {
    if (changedSince !== undefined) return this.#changedSince(changedSince, uids).slice(0, limit)
    if (uids === undefined) return this.#records.slice(0, limit)
    const found: MessageRecord[] = []
    for (const index of this.#indexesOf(uids)) {
      if (found.length >= limit) break
      const record = this.#records[index]
      if (record) found.push(record)
    }
    return found
  }

  #changedSince(since: number, uids: readonly UidRange[] | undefined): MessageRecord[] {
    const start = bisect(this.#log.length, index => (this.#log[index]?.modseq ?? 0) > since)
    const isWanted = (record: MessageRecord) =>
      this.get(record.uid) === record &&
      (uids === undefined || uids.some(range => record.uid >= range.from && record.uid <= range.to))
    return this.#log
      .slice(start)
      .filter(isWanted)
      .sort((a, b) => a.uid - b.uid)
  }

  /** One new MODSEQ for all messages whose flags change. */
  setFlags(change: FlagChange): FlagResult {
    const messages: MessageRecord[] = []
    const modified: number[] = []
    const modseq = this.highestModseq + 1
    const unchangedSince = change.unchangedSince ?? Number.POSITIVE_INFINITY
    for (const index of this.#indexesOf(change.uids)) {
      const record = this.#records[index]
      if (!record) continue
      if (record.modseq > unchangedSince) modified.push(record.uid)
      else messages.push(this.#setFlagsAt(index, record, change, modseq))
    }
    return { messages, modified }
  }

  #setFlagsAt(index: number, before: MessageRecord, change: FlagChange, modseq: number): MessageRecord {
    const flags = changeFlags(before.flags, change)
    if (sameFlags(flags, before.flags)) return before
    const record = Object.freeze({ ...before, flags, modseq })
    this.highestModseq = modseq
    this.#records[index] = record
    this.#remember(record)
    this.unseen += Number(isUnseen(record)) - Number(isUnseen(before))
    return record
  }

  /** Removes messages; gives those that were there, ascending. */
  expunge(uids: readonly number[]): MessageRecord[] {
    const removed = [...new Set(uids)]
      .sort((a, b) => a - b)
      .map(uid => this.get(uid))
      .filter(record => record !== undefined)
    if (removed.length === 0) return removed
    this.highestModseq++
    for (const record of removed) {
      this.#count(record, -1)
      this.#tombstones.push({ uid: record.uid, modseq: this.highestModseq })
    }
    this.#takeOut(removed)
    if (this.#tombstones.length > 2 * fewestTombstones) {
      this.#tombstones = this.#tombstones.slice(-fewestTombstones)
    }
    return removed
  }

  #takeOut(removed: readonly MessageRecord[]): void {
    // Each splice moves all that follows; beyond a few, one pass over everything is less.
    if (removed.length <= 4) {
      for (const record of removed) this.#records.splice(this.#indexOf(record.uid), 1)
      return
    }
    const gone = new Set(removed)
    this.#records = this.#records.filter(record => !gone.has(record))
  }

  /** UIDs expunged after a MODSEQ, ascending. */
  vanished(since: number): number[] {
    const start = bisect(this.#tombstones.length, index => (this.#tombstones[index]?.modseq ?? 0) > since)
    return this.#tombstones
      .slice(start)
      .map(tombstone => tombstone.uid)
      .sort((a, b) => a - b)
  }

  #remember(record: MessageRecord): void {
    this.#log.push(record)
    if (this.#log.length > 2 * this.#records.length + 64) {
      this.#log = this.#log.filter(logged => this.get(logged.uid) === logged)
    }
  }

  #count(record: MessageRecord, times: 1 | -1): void {
    this.bytes += times * record.size
    if (isUnseen(record)) this.unseen += times
  }

  /** Index of the first record with this UID or a higher one. */
  #indexOf(uid: number): number {
    return bisect(this.#records.length, index => (this.#records[index]?.uid ?? 0) >= uid)
  }

  /** Indexes of the records in any of the ranges, ascending, each once. */
  *#indexesOf(ranges: readonly UidRange[]): Generator<number> {
    let index = 0
    for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
      index = Math.max(index, this.#indexOf(from))
      while ((this.#records[index]?.uid ?? Number.NaN) <= to) yield index++
    }
  }
}

/** The lowest index below `length` for which `holds`, as for all after it; `length` when there is none. */
function bisect(length: number, holds: (index: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** Spelled out, as this is the hot path and a spread takes several times as long. */
function makeRecord(message: NewMessage, uid: number, modseq: number): MessageRecord {
  const { flags, internalDate, savedAt, size, blob, prefix } = message
  return Object.freeze(
    prefix
      ? { uid, modseq, flags, internalDate, savedAt, size, blob, prefix }
      : { uid, modseq, flags, internalDate, savedAt, size, blob },
  )
}

const noFlags: readonly string[] = Object.freeze([])

/** Flags as a record has them: sorted, without duplicates, frozen. */
export function sortFlags(flags: Iterable<string>): readonly string[] {
  const sorted = [...new Set(flags)].sort()
  return sorted.length === 0 ? noFlags : Object.freeze(sorted)
}

function changeFlags(before: readonly string[], { mode, flags }: FlagChange): readonly string[] {
  if (mode === 'replace') return sortFlags(flags)
  if (mode === 'add') return sortFlags([...before, ...flags])
  return sortFlags(before.filter(flag => !flags.includes(flag)))
}

function sameFlags(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((flag, index) => flag === b[index])
}

function isUnseen(record: MessageRecord): boolean {
  return !record.flags.includes('\\Seen')
}
