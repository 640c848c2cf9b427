import { expect, it } from 'vitest'
import { newTraceId } from '../../src/core/trace.js'

it('newTraceId makes ids that differ and are safe anywhere', () => {
  const ids = Array.from({ length: 10_000 }, newTraceId)
  expect(new Set(ids).size).toBe(10_000)
  for (const id of ids) expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{16}$/)
  // 5 bits a character: every character of the alphabet comes at every place.
  for (let place = 4; place < 16; place++) expect(new Set(ids.map(id => id[place])).size).toBe(32)
})

it('newTraceId makes ids in ascending order, but where the count begins anew', () => {
  const ids = Array.from({ length: 10_000 }, newTraceId)
  const descents = ids.filter((id, index) => index > 0 && id < (ids[index - 1] ?? ''))
  expect(descents.length).toBeLessThanOrEqual(1)
})
