import assert from 'node:assert/strict'
import type { Storage, StorageChange } from '../../storage/storage.js'
import { enqueue, lease, mailboxOf, put, sampleBatch, settled, start } from './sample-batch.js'
import type { StorageTest } from './storage-conformance.js'

type MessagesChange = Extract<StorageChange, { kind: 'messages' }>

/** What a storage told, and a wait for more. */
function listen(storage: Storage) {
  const told: StorageChange[] = []
  let wake = () => {}
  const stop = storage.subscribe(change => {
    told.push(change)
    wake()
  })
  /** Resolves once a change fits; a runner's timeout ends the wait for one that never comes. */
  const until = async (fits: (change: StorageChange) => boolean): Promise<StorageChange> => {
    for (;;) {
      const found = told.find(fits)
      if (found) return found
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  return { told, until, stop }
}

function isMessages(change: StorageChange): change is MessagesChange {
  return change.kind === 'messages'
}

/** The change feed: hints, after each commit, in commit order. */
export function changeTests(test: StorageTest): void {
  test('tells of messages, with the counters from before', async storage => {
    const { until, stop } = listen(storage)
    await put(storage, 'ann')
    await put(storage, 'ann')
    const { id, highestModseq, uidNext } = await mailboxOf(storage, 'ann')
    const added = await until(change => isMessages(change) && change.modseq === highestModseq)
    assert.ok(isMessages(added))
    assert.deepEqual([added.account, added.mailbox], ['ann', 'INBOX'])
    assert.ok(added.before.modseq < highestModseq && added.before.uidNext < uidNext)
    await storage.mail.setFlags(id, { uids: [{ from: 1, to: 1 }], mode: 'add', flags: ['x'] })
    const flagged = await until(change => isMessages(change) && change.modseq === highestModseq + 1)
    assert.ok(isMessages(flagged))
    assert.ok(flagged.before.uidNext <= uidNext && flagged.before.modseq <= highestModseq)
    await storage.mail.expunge(id, [1])
    await until(change => isMessages(change) && change.modseq > flagged.modseq)
    stop()
  })

  test('tells in commit order', async storage => {
    const { told, until, stop } = listen(storage)
    await Promise.all(Array.from({ length: 20 }, () => put(storage, 'ann')))
    const { highestModseq } = await mailboxOf(storage, 'ann')
    await until(change => isMessages(change) && change.modseq === highestModseq)
    const modseqs = told.filter(isMessages).map(change => change.modseq)
    assert.deepEqual(
      modseqs,
      [...modseqs].sort((a, b) => a - b),
    )
    stop()
  })

  test('tells in commit order also when a listener commits something itself', async storage => {
    let answered = false
    const stopAnswering = storage.subscribe(change => {
      if (answered || !isMessages(change)) return
      answered = true
      void put(storage, 'ben')
    })
    const { told, until, stop } = listen(storage)
    await put(storage, 'ann')
    await until(change => isMessages(change) && change.account === 'ben')
    assert.deepEqual(
      told.filter(isMessages).map(change => change.account),
      ['ann', 'ben'],
    )
    stopAnswering()
    stop()
  })

  test('tells of mailboxes made, renamed and deleted', async storage => {
    for (const change of [
      () => storage.mail.createMailbox('ann', 'Work'),
      () => storage.mail.renameMailbox('ann', 'Work', 'Job'),
      () => storage.mail.deleteMailbox('ann', 'Job'),
      () => put(storage, 'ann', 'Lists/new'),
    ]) {
      const { until, stop } = listen(storage)
      await change()
      const told = await until(one => one.kind === 'mailboxes')
      assert.deepEqual(told, { kind: 'mailboxes', account: 'ann' })
      stop()
    }
  })

  test('tells when entries may have become due', async storage => {
    const queueTold = async (change: () => Promise<unknown>, dueAt = start) => {
      const { until, stop } = listen(storage)
      await change()
      const told = await until(one => one.kind === 'queue')
      if ('dueAt' in told) assert.equal(told.dueAt, dueAt)
      stop()
    }
    await queueTold(() => enqueue(storage, { address: 'cem@other.test' }))
    const [first] = await lease(storage, start)
    assert.ok(first)
    await queueTold(() => storage.queue.giveBack([first]))
    const [second] = await lease(storage, start)
    assert.ok(second)
    const entries = [settled(second, { state: 'waiting', dueAt: start + 5 })]
    await queueTold(() => storage.queue.settle({ entries }), start + 5)
    await queueTold(() => storage.queue.release([second.id], start))
  })

  test('goes on when a listener throws, and tells nobody who left', async storage => {
    const failing = storage.subscribe(() => {
      throw new Error('the listener is broken')
    })
    const gone = listen(storage)
    gone.stop()
    const { until, stop } = listen(storage)
    await put(storage, 'ann')
    await until(isMessages)
    assert.deepEqual(gone.told, [])
    failing()
    stop()
  })

  test('tells nothing of what failed or changed nothing', async storage => {
    await put(storage, 'ann', 'INBOX', ['x'])
    const { id } = await mailboxOf(storage, 'ann')
    const { told, until, stop } = listen(storage)
    await storage.mail.setFlags(id, { uids: [{ from: 1, to: 1 }], mode: 'add', flags: ['x'] })
    await storage.mail.expunge(id, [7])
    await assert.rejects(storage.accept(sampleBatch({ message: { blob: 'none' } })))
    await put(storage, 'ben')
    await until(isMessages)
    assert.ok(told.every(change => change.kind === 'queue' || change.account === 'ben'))
    stop()
  })
}
