import assert from 'node:assert/strict'
import { oddTexts } from './odd-names.js'
import { enqueue, lease, letter, sampleBatch, sampleQueued, settled, start } from './sample-batch.js'
import type { StorageTest } from './storage-conformance.js'

const cem = { address: 'cem@other.test' }
const dee = { address: 'dee@third.test' }

/** Queue entries: what they hold, listing, and the acts of the operator. */
export function queueTests(test: StorageTest): void {
  test('holds all that was said of a recipient and its message', async storage => {
    const { queue } = storage
    const queued = { ...sampleQueued([{ ...cem, dueAt: start + 5 }]), submitter: 'ann' }
    const { entries, blob } = await storage.accept(sampleBatch({ queued }))
    const [id = ''] = entries
    assert.deepEqual(await queue.get(id), {
      id,
      traceId: queued.traceId,
      blob,
      size: letter.length,
      envelope: queued.envelope,
      recipient: { ...cem, notify: ['failure', 'delay'], originalRecipient: 'rfc822;cem@other.test' },
      destination: 'other.test',
      submitter: 'ann',
      state: 'waiting',
      queuedAt: start,
      dueAt: start + 5,
      attempts: 0,
      history: [],
      warned: false,
    })
    assert.equal(await queue.get('none'), undefined)
    assert.equal(await queue.get('__proto__'), undefined)
  })

  test('gives ids that ascend with the time of queueing, and lists by them', async storage => {
    const ids: string[] = []
    for (let index = 0; index < 40; index++) ids.push(...(await enqueue(storage, cem, dee)))
    assert.deepEqual([...ids].sort(), ids)
    const list = async (after?: string) =>
      (await storage.queue.list({ limit: 30, ...(after !== undefined && { after }) })).map(entry => entry.id)
    const first = await list()
    const second = await list(first.at(-1))
    const third = await list(second.at(-1))
    assert.deepEqual([...first, ...second, ...third], ids)
    assert.deepEqual(await list(ids.at(-1)), [])
    await storage.queue.drop(ids.slice(0, 35))
    assert.deepEqual(await list(ids[3]), ids.slice(35, 65), 'after an id that is gone')
  })

  test('lists by what the operator asks for', async storage => {
    const [one, two] = await enqueue(storage, cem, { ...dee, held: true })
    const { entries } = await storage.accept({
      ...sampleBatch(),
      queued: { ...sampleQueued([cem]), traceId: 'other-trace', envelope: { sender: '' } },
    })
    const list = async (filter: Parameters<typeof storage.queue.list>[0]) =>
      (await storage.queue.list(filter)).map(entry => entry.id)
    assert.deepEqual(await list({ state: 'held' }), [two])
    assert.deepEqual(await list({ destination: 'other.test' }), [one, ...entries])
    assert.deepEqual(await list({ sender: '' }), [...entries])
    assert.deepEqual(await list({ recipient: cem.address, sender: 'ann@example.test' }), [one])
    assert.deepEqual(await list({ traceId: 'other-trace' }), [...entries])
    assert.deepEqual(await list({ traceId: 'other-trace', state: 'dead' }), [])
    assert.deepEqual(await list({ limit: 1 }), [one])
  })

  test('takes any text for a trace id, a sender, a recipient, a destination and who submitted', async storage => {
    const { queue } = storage
    const wanted = new Map<string, string>()
    for (const text of oddTexts) {
      const recipients = [{ address: `${text}@other.test`, destination: text, dueAt: start }]
      const envelope = { sender: `${text}@example.test` }
      const queued = { traceId: text, envelope, recipients, submitter: text }
      const [id = ''] = (await storage.accept({ ...sampleBatch(), queued })).entries
      wanted.set(text, id)
    }
    for (const [text, id] of wanted) {
      for (const filter of [
        { traceId: text },
        { sender: `${text}@example.test` },
        { recipient: `${text}@other.test` },
        { destination: text },
      ]) {
        const [entry, ...others] = await queue.list(filter)
        assert.deepEqual([entry?.id, entry?.traceId, entry?.submitter, others.length], [id, text, text, 0])
      }
    }
    for (const [text, id] of wanted) {
      const others = new Set(oddTexts.filter(other => other !== text))
      const request = { now: start, expiresAt: start + 60_000, limit: 100 }
      const bySender = await queue.lease({ ...request, exceptSenders: others })
      await queue.giveBack(bySender)
      const leased = await queue.lease({ ...request, except: others })
      assert.deepEqual(
        [...bySender, ...leased].map(entry => entry.id),
        [id, id],
      )
      const entries = leased.map(entry => settled(entry, { state: 'done' }))
      assert.equal((await queue.settle({ entries })).settled, true)
    }
    assert.deepEqual(await queue.list(), [])
  })

  test('counts by state and knows when it is needed next', async storage => {
    const { queue } = storage
    assert.equal(await queue.nextDue(), undefined)
    await enqueue(storage, { ...cem, dueAt: start + 50 }, { ...dee, dueAt: start + 9, held: true })
    assert.equal(await queue.nextDue(), start + 50)
    await enqueue(storage, { address: 'eli@fourth.test', dueAt: start + 10 })
    assert.equal(await queue.nextDue(), start + 10)
    assert.deepEqual(await queue.counts(), { waiting: 2, leased: 0, held: 1, dead: 0 })
    await lease(storage, start + 10, 5, start + 40)
    assert.equal(await queue.nextDue(), start + 40, 'when the lease runs out')
    assert.deepEqual(await queue.counts(), { waiting: 1, leased: 1, held: 1, dead: 0 })
  })

  test('holds waiting entries until they are released', async storage => {
    const { queue } = storage
    const [id = '', other = ''] = await enqueue(storage, cem, dee)
    assert.deepEqual(await queue.hold([id, 'none']), [id])
    assert.equal((await queue.get(id))?.state, 'held')
    assert.deepEqual(
      (await lease(storage, start)).map(entry => entry.id),
      [other],
    )
    assert.deepEqual(await queue.release([id, 'none'], start + 30), [id])
    assert.deepEqual(await lease(storage, start + 29), [])
    assert.deepEqual(
      (await lease(storage, start + 30)).map(entry => entry.id),
      [id],
    )
  })

  test('makes waiting entries due earlier or later by a release', async storage => {
    const [id = ''] = await enqueue(storage, { ...cem, dueAt: start + 1_000 })
    assert.deepEqual(await storage.queue.release([id], start), [id])
    assert.equal(await storage.queue.nextDue(), start)
    await storage.queue.release([id], start + 500)
    assert.equal(await storage.queue.nextDue(), start + 500)
  })

  test('passes a leased entry over in a release', async storage => {
    const [id = ''] = await enqueue(storage, cem)
    const [leased] = await lease(storage, start)
    assert.deepEqual(await storage.queue.release([id], start), [])
    assert.deepEqual(await lease(storage, start), [])
    assert.ok(leased)
    assert.deepEqual(await storage.queue.renew([leased], start + 90_000), [])
  })

  test('holds a leased entry after its attempt', async storage => {
    const { queue } = storage
    const [id = '', done = ''] = await enqueue(storage, cem, dee)
    const leased = await lease(storage, start)
    assert.deepEqual(await queue.hold([id, done]), [id, done])
    assert.equal((await queue.get(id))?.state, 'leased')
    const [first, second] = leased
    assert.ok(first && second)
    const result = await queue.settle({
      entries: [settled(first, { state: 'waiting', dueAt: start + 10 }), settled(second, { state: 'done' })],
    })
    assert.equal(result.settled, true)
    assert.equal((await queue.get(id))?.state, 'held')
    assert.equal((await queue.get(id))?.history.length, 1)
    assert.equal(await queue.get(done), undefined)
    assert.equal(await queue.nextDue(), undefined)
    await queue.release([id], start + 20)
    assert.equal((await lease(storage, start + 20)).length, 1)
  })

  test('takes back by a release that a leased entry is to be held', async storage => {
    const { queue } = storage
    const [id = '', other = ''] = await enqueue(storage, cem, dee)
    const leased = await lease(storage, start)
    await queue.hold([id])
    assert.deepEqual(await queue.release([id, other], start), [id])
    await queue.settle({
      entries: leased.map(entry => settled(entry, { state: 'waiting', dueAt: start + 10 })),
    })
    assert.equal((await queue.get(id))?.state, 'waiting')
    assert.equal((await queue.get(id))?.dueAt, start + 10)
  })

  test('holds a leased entry whose attempt is given back or never ends', async storage => {
    const { queue } = storage
    const [back = '', lost = ''] = await enqueue(storage, cem, dee)
    const leased = await lease(storage, start)
    await queue.hold([back, lost])
    await queue.giveBack(leased.filter(entry => entry.id === back))
    assert.equal((await queue.get(back))?.state, 'held')
    assert.deepEqual(await lease(storage, start + 60_000), [], 'the lease of the other ran out')
    assert.equal((await queue.get(lost))?.state, 'held')
    assert.deepEqual(await queue.counts(), { waiting: 0, leased: 0, held: 2, dead: 0 })
  })

  test('drops entries, whatever their state; the lease of a leased one is lost', async storage => {
    const { queue } = storage
    const [id = '', held = ''] = await enqueue(storage, cem, { ...dee, held: true })
    const [leased] = await lease(storage, start)
    assert.ok(leased)
    assert.deepEqual(await queue.drop([id, held, 'none']), [id, held])
    assert.deepEqual(await queue.renew([leased], start + 90_000), [id])
    assert.deepEqual(await queue.settle({ entries: [settled(leased, { state: 'done' })] }), {
      settled: false,
      lost: [id],
    })
    assert.deepEqual(await queue.counts(), { waiting: 0, leased: 0, held: 0, dead: 0 })
    assert.equal(await queue.nextDue(), undefined)
    assert.deepEqual(await queue.drop([id]), [])
  })

  test('keeps a dead entry and its problem until it is released', async storage => {
    const { queue } = storage
    const [id = ''] = await enqueue(storage, cem)
    const [leased] = await lease(storage, start)
    assert.ok(leased)
    await queue.settle({ entries: [settled(leased, { state: 'dead', problem: 'the message is gone' })] })
    const dead = await queue.get(id)
    assert.deepEqual([dead?.state, dead?.problem, dead?.history.length], ['dead', 'the message is gone', 1])
    assert.deepEqual(await lease(storage, start + 999_999), [])
    assert.deepEqual(await queue.hold([id]), [id])
    assert.equal((await queue.get(id))?.state, 'dead')
    assert.deepEqual(await queue.release([id], start), [id])
    const released = await queue.get(id)
    assert.deepEqual([released?.state, released?.problem], ['waiting', undefined])
  })
}
