import assert from 'node:assert/strict'
import { oddTexts } from './odd-names.js'
import { start } from './sample-batch.js'
import type { StorageTest } from './storage-conformance.js'

/** Locks: one owner until it releases or expires. */
export function lockTests(test: StorageTest): void {
  test('gives a lock to one owner, who may renew it', async ({ locks }) => {
    assert.equal(await locks.acquire('inbox', 'one', start, start + 100), true)
    assert.equal(await locks.acquire('inbox', 'two', start + 99, start + 200), false)
    assert.equal(await locks.acquire('inbox', 'one', start + 99, start + 200), true)
    assert.equal(await locks.acquire('inbox', 'two', start + 150, start + 300), false)
    assert.equal(await locks.acquire('other', 'two', start, start + 100), true)
  })

  test('gives a lock that expired to the next', async ({ locks }) => {
    await locks.acquire('inbox', 'one', start, start + 100)
    assert.equal(await locks.acquire('inbox', 'two', start + 100, start + 200), true)
    assert.equal(await locks.acquire('inbox', 'one', start + 101, start + 300), false)
  })

  test('takes a lock back from its owner only', async ({ locks }) => {
    await locks.acquire('__proto__', 'one', start, start + 100)
    await locks.release('__proto__', 'two')
    await locks.release('none', 'one')
    assert.equal(await locks.acquire('__proto__', 'two', start, start + 100), false)
    await locks.release('__proto__', 'one')
    assert.equal(await locks.acquire('__proto__', 'two', start, start + 100), true)
  })

  test('takes any text for a name and an owner', async ({ locks }) => {
    const owners = new Map(oddTexts.map((name, index) => [name, oddTexts.at(index - 1) ?? '']))
    for (const [name, owner] of owners) {
      assert.equal(await locks.acquire(name, owner, start, start + 100), true, name)
    }
    for (const [name, owner] of owners) {
      assert.equal(await locks.acquire(name, name, start, start + 100), false, name)
      await locks.release(name, name)
      assert.equal(await locks.acquire(name, owner, start + 50, start + 200), true, owner)
      await locks.release(name, owner)
      assert.equal(await locks.acquire(name, name, start + 100, start + 200), true, name)
    }
  })

  test('gives a lock to one of many who ask at once', async ({ locks }) => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, owner) => locks.acquire('inbox', `owner-${owner}`, start, start + 100)),
    )
    assert.equal(answers.filter(Boolean).length, 1)
  })
}
