import { describe, expect, it } from 'vitest'
import { SortedMap } from '../../../src/storage/memory/sorted-map.js'
import { SeededRandom } from '../../../src/testing/conformance/seeded-random.js'

const keysFrom = (map: SortedMap<number>, key = '') => [...map.from(key)].map(([found]) => found)

describe('SortedMap', () => {
  it('keeps keys in order over many pages, whatever comes and goes', () => {
    const random = new SeededRandom(1)
    const map = new SortedMap<number>()
    const model = new Map<string, number>()
    for (let step = 0; step < 6_000; step++) {
      const key = String(random.below(3_000)).padStart(4, '0')
      if (random.next() < 0.7) {
        map.set(key, step)
        model.set(key, step)
      } else expect(map.delete(key)).toBe(model.delete(key))
    }
    const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1))
    expect([...map.from('')]).toEqual(sorted)
    expect(keysFrom(map, '1500')).toEqual(sorted.map(([key]) => key).filter(key => key >= '1500'))
    expect(map.size).toBe(model.size)
    expect(map.get(sorted[9]?.[0] ?? '')).toBe(sorted[9]?.[1])
    map.filter(value => value % 2 === 0)
    expect([...map.from('')]).toEqual(sorted.filter(([, value]) => value % 2 === 0))
    map.filter(() => false)
    expect(keysFrom(map)).toEqual([])
    map.set('again', 1)
    expect(keysFrom(map)).toEqual(['again'])
  })
})
