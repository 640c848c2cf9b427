import type { MessageRecord, UidRange } from '../mail-storage.js'
import { bisect } from './bisect.js'

const pageSize = 512

/**
 * Message records, ascending by UID, in pages: a UID is found by bisection, and taking records out moves those of their
 * pages only, however many there are.
 */
export class RecordPages {
  /** None is empty. */
  #pages: MessageRecord[][] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Adds a record with a higher UID than all others. */
  push(record: MessageRecord): void {
    const last = this.#pages.at(-1)
    if (last && last.length < pageSize) last.push(record)
    else this.#pages.push([record])
    this.#length++
  }

  get(uid: number): MessageRecord | undefined {
    const page = this.#pages[this.#pageOf(uid)]
    const record = page?.[indexIn(page, uid)]
    return record?.uid === uid ? record : undefined
  }

  /** Puts a record in the place of the one with its UID. */
  replace(record: MessageRecord): void {
    const page = this.#pages[this.#pageOf(record.uid)]
    if (page) page[indexIn(page, record.uid)] = record
  }

  /** Takes out records that are here. */
  remove(records: readonly MessageRecord[]): void {
    const gone = new Set(records)
    for (const number of new Set(records.map(({ uid }) => this.#pageOf(uid)))) {
      this.#pages[number] = this.#pages[number]?.filter(record => !gone.has(record)) ?? []
    }
    this.#pages = this.#pages.filter(page => page.length > 0)
    this.#length -= gone.size
  }

  /** The first records, `limit` of them at most. */
  first(limit: number): MessageRecord[] {
    if (limit >= this.#length) return this.#pages.flat()
    const found: MessageRecord[] = []
    for (const page of this.#pages) {
      if (found.length >= limit) break
      found.push(...page.slice(0, limit - found.length))
    }
    return found
  }

  /** Records in any of the ranges, in runs, ascending, each once. */
  *within(ranges: readonly UidRange[]): Generator<readonly MessageRecord[]> {
    let next = 0
    for (const range of [...ranges].sort((a, b) => a.from - b.from)) {
      const from = Math.max(next, range.from)
      next = Math.max(next, range.to + 1)
      for (let number = this.#pageOf(from); number < this.#pages.length; number++) {
        const page = this.#pages[number] ?? []
        const run = page.slice(indexIn(page, from), indexIn(page, range.to + 1))
        if (run.length === 0) break
        yield run
      }
    }
  }

  /** The number of the page that has this UID, if any has. */
  #pageOf(uid: number): number {
    return bisect(this.#pages.length, number => (this.#pages[number]?.at(-1)?.uid ?? 0) >= uid)
  }
}

/** Index of the first record with this UID or a higher one. */
function indexIn(page: readonly MessageRecord[], uid: number): number {
  return bisect(page.length, index => (page[index]?.uid ?? 0) >= uid)
}
