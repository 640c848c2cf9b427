import {
  type FlagChange,
  type FlagResult,
  inUidRanges,
  type MessageQuery,
  type MessageRecord,
  type UidRange,
} from '../mail-storage.js'
import { changeFlags } from '../message-flags.js'
import { bisect } from './bisect.js'
import { RecordPages } from './record-pages.js'

const fewestTombstones = 10_000

/** A message before it has a place. */
export type NewMessage = Omit<MessageRecord, 'uid' | 'modseq'>

/**
 * The messages of one mailbox: frozen records, by UID; and a log of them ascending by MODSEQ, so that what changed
 * lately is found without looking at what did not.
 */
export class MailboxMessages {
  readonly #records = new RecordPages()
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
    return this.#records.get(uid)
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
    if (uids === undefined) return this.#records.first(limit)
    const found: MessageRecord[] = []
    for (const run of this.#records.within(uids)) {
      if (found.length >= limit) break
      found.push(...run.slice(0, limit - found.length))
    }
    return found
  }

  #changedSince(since: number, uids: readonly UidRange[] | undefined): MessageRecord[] {
    const start = bisect(this.#log.length, index => (this.#log[index]?.modseq ?? 0) > since)
    const isWanted = (record: MessageRecord) =>
      this.get(record.uid) === record && (uids === undefined || inUidRanges(record.uid, uids))
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
    for (const record of [...this.#records.within(change.uids)].flat()) {
      if (record.modseq > unchangedSince) modified.push(record.uid)
      else messages.push(this.#setFlagsOf(record, change, modseq))
    }
    return { messages, modified }
  }

  #setFlagsOf(before: MessageRecord, change: FlagChange, modseq: number): MessageRecord {
    const flags = changeFlags(before.flags, change)
    if (sameFlags(flags, before.flags)) return before
    const record = Object.freeze({ ...before, flags, modseq })
    this.highestModseq = modseq
    this.#records.replace(record)
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
    this.#records.remove(removed)
    this.#forgetOutdated()
    if (this.#tombstones.length > 2 * fewestTombstones) {
      this.#tombstones = this.#tombstones.slice(-fewestTombstones)
    }
    return removed
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
    this.#forgetOutdated()
  }

  #forgetOutdated(): void {
    if (this.#log.length > 2 * this.#records.length + 64) {
      this.#log = this.#log.filter(logged => this.get(logged.uid) === logged)
    }
  }

  #count(record: MessageRecord, times: 1 | -1): void {
    this.bytes += times * record.size
    if (isUnseen(record)) this.unseen += times
  }
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

function sameFlags(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((flag, index) => flag === b[index])
}

function isUnseen(record: MessageRecord): boolean {
  return !record.flags.includes('\\Seen')
}
