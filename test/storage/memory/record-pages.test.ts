import { describe, expect, it } from 'vitest'
import type { MessageRecord } from '../../../src/storage/mail-storage.js'
import { RecordPages } from '../../../src/storage/memory/record-pages.js'

const record = (uid: number, modseq = 1): MessageRecord => ({
  uid,
  modseq,
  flags: [],
  internalDate: 0,
  savedAt: 0,
  size: 1,
  blob: 'b1',
})

function filled(count: number) {
  const pages = new RecordPages()
  for (let uid = 1; uid <= count; uid++) pages.push(record(uid))
  return pages
}

const uidsIn = (records: Iterable<MessageRecord>) => [...records].map(({ uid }) => uid)

describe('RecordPages', () => {
  it('keeps records in order over many pages, whatever is taken out', () => {
    const pages = filled(3_000)
    const kept = (uid: number) => uid % 7 !== 0 && (uid < 600 || uid > 1_700)
    pages.remove(pages.first(Number.POSITIVE_INFINITY).filter(({ uid }) => !kept(uid)))
    const expected = Array.from({ length: 3_000 }, (_, index) => index + 1).filter(kept)
    expect(pages.length).toBe(expected.length)
    expect(uidsIn(pages.first(Number.POSITIVE_INFINITY))).toEqual(expected)
    expect(uidsIn(pages.first(700))).toEqual(expected.slice(0, 700))
    expect(pages.get(1_000)).toBeUndefined()
    expect(pages.get(2_999)?.uid).toBe(2_999)
    pages.push(record(3_001))
    expect(pages.get(3_001)?.uid).toBe(3_001)
  })

  it('gives ranges that overlap once, and replaces records in their place', () => {
    const pages = filled(2_000)
    const seen: number[] = []
    const ranges = [
      { from: 1_020, to: 1_030 },
      { from: 510, to: 515 },
      { from: 1_025, to: 1_040 },
      { from: 1_999, to: Number.POSITIVE_INFINITY },
    ]
    for (const { uid } of [...pages.within(ranges)].flat()) {
      seen.push(uid)
      pages.replace(record(uid, 2))
    }
    const between = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
    expect(seen).toEqual([...between(510, 515), ...between(1_020, 1_040), 1_999, 2_000])
    expect(pages.get(1_021)?.modseq).toBe(2)
    expect(pages.get(1_041)?.modseq).toBe(1)
  })
})
