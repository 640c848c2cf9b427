import assert from 'node:assert/strict'
import { largestRecord } from '../../storage/record-storage.js'
import { enqueue, lease, sampleBatch, settled, start } from './sample-batch.js'
import type { StorageTest } from './storage-conformance.js'

const note = { space: 'notes', key: 'one', value: '{"a":1}' }

/** Records: values and counts by space and key, alone and in the commits of the queue. */
export function recordTests(test: StorageTest): void {
  test('keeps a value by space and key until it is replaced or deleted', async ({ records }) => {
    assert.equal(await records.get('notes', 'one'), undefined)
    await records.put(note)
    await records.put({ ...note, space: 'other', value: 'another' })
    assert.deepEqual(await records.get('notes', 'one'), { key: 'one', value: '{"a":1}', count: 0 })
    await records.add(note, 3)
    await records.put({ ...note, value: 'new', expiresAt: start + 1 })
    const replaced = { key: 'one', value: 'new', count: 0, expiresAt: start + 1 }
    assert.deepEqual(await records.get('notes', 'one'), replaced)
    assert.deepEqual(await records.delete('notes', ['none', 'one']), ['one'])
    assert.equal(await records.get('notes', 'one'), undefined)
    assert.equal((await records.get('other', 'one'))?.value, 'another')
  })

  test('takes any text for a key, and long values', async ({ records }) => {
    const value = 'x'.repeat(largestRecord)
    for (const key of ['__proto__', '', `"o' %_\\"@é.test`, 'k'.repeat(600)]) {
      await records.put({ ...note, key, value })
      assert.equal((await records.get('notes', key))?.value, value)
      assert.deepEqual(await records.delete('notes', [key]), [key])
    }
  })

  test('adds to counts, of many at once too, and makes what is not there', async ({ records }) => {
    await Promise.all(
      Array.from({ length: 20 }, (_, count) => records.add({ ...note, expiresAt: start }, count)),
    )
    await records.add({ ...note, value: 'ignored', expiresAt: start + 5 }, -90)
    const expected = { key: 'one', value: note.value, count: 100, expiresAt: start }
    assert.deepEqual(await records.get('notes', 'one'), expected)
  })

  test('lists a space in pages, by what keys begin with', async ({ records }) => {
    const keys = Array.from(
      { length: 1_100 },
      (_, index) => `key ${String((index * 37) % 1_100).padStart(4, '0')}`,
    )
    const others = ['a', 'key', 'key\u00e9', 'keyz', 'z']
    for (const key of [...keys, ...others]) await records.put({ ...note, key })
    await records.put({ ...note, space: 'notes-too', key: 'key 0000' })
    const list = async (query?: Parameters<typeof records.list>[1]) =>
      (await records.list('notes', query)).map(({ key }) => key)
    keys.sort()
    assert.deepEqual(await list({ prefix: 'key ', limit: 2_000 }), keys)
    assert.deepEqual(await list({ prefix: 'key 01' }), keys.slice(100, 200))
    assert.deepEqual(await list({ prefix: 'key ', after: 'key 0500', limit: 3 }), keys.slice(501, 504))
    assert.deepEqual(await list({ prefix: 'key ', after: 'a', limit: 1 }), ['key 0000'])
    assert.deepEqual(await list({ prefix: 'key ', after: 'keyz' }), [])
    assert.deepEqual(await list({ after: 'key 1098', limit: 1 }), ['key 1099'], 'a space is in no other')
    assert.deepEqual(await list({ limit: 2 }), ['a', 'key'])
    assert.deepEqual(await list({ limit: 0 }), [])
    assert.equal((await list()).length, 1_000)
    assert.deepEqual((await list({ limit: 2_000 })).sort(), [...keys, ...others].sort())
    assert.deepEqual(await records.list('none'), [])
  })

  test('has what did not expire', async storage => {
    const { records } = storage
    await records.put({ ...note, expiresAt: start + 100 })
    await records.put({ ...note, key: 'two' })
    await lease(storage, start + 99)
    await storage.accept({ ...sampleBatch(), receivedAt: start + 99 })
    assert.ok(await records.get('notes', 'one'))
    await lease(storage, start + 10_000_000)
    assert.ok(await records.get('notes', 'two'))
  })

  test('is part of the commit that settles an entry', async storage => {
    await enqueue(storage, { address: 'cem@other.test' })
    const [late] = await lease(storage, start, 1, start + 10)
    const [leased] = await lease(storage, start + 10)
    assert.ok(late && leased)
    const records = [note, { ...note, key: 'two' }]
    const lost = await storage.queue.settle({ entries: [settled(late, { state: 'done' })], records })
    assert.equal(lost.settled, false)
    assert.deepEqual(await storage.records.list('notes'), [], 'a lost lease keeps nothing')
    await storage.queue.settle({ entries: [settled(leased, { state: 'done' })], records })
    assert.deepEqual(
      (await storage.records.list('notes')).map(({ key }) => key),
      ['one', 'two'],
    )
  })

  test('is part of the commit that drops an entry, where there was one', async storage => {
    const [id = ''] = await enqueue(storage, { address: 'cem@other.test' })
    const records = new Map([
      [id, [note]],
      ['none', [{ ...note, key: 'two' }]],
    ])
    assert.deepEqual(await storage.queue.drop([id, 'none'], records), [id])
    assert.deepEqual(
      (await storage.records.list('notes')).map(({ key }) => key),
      ['one'],
    )
  })
}
