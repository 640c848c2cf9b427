import assert from 'node:assert/strict'
import type { FlagChange } from '../../storage/mail-storage.js'
import type { LeasedEntry } from '../../storage/queue-storage.js'
import type { Storage } from '../../storage/storage.js'
import { seededRandom } from './conformance.js'
import { enqueue, failedAttempt, letter, mailboxOf, put, start } from './sample-batch.js'
import type { StorageTest } from './storage-conformance.js'

const seeds = [1, 20_260_101, 4_294_967_295]
const steps = 250

/** Long random sequences, against the simplest thing that could be right. */
export function modelTests(test: StorageTest): void {
  for (const seed of seeds) {
    test(`mailbox, seed ${seed}`, storage => runMailbox(storage, seed))
    test(`queue, seed ${seed}`, storage => runQueue(storage, seed))
  }
}

interface ModelMessage {
  flags: string[]
  /** The step of its last change. */
  changed: number
}

async function runMailbox(storage: Storage, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const pick = (below: number) => Math.floor(random() * below)
  const model = new Map<number, ModelMessage>()
  const removed = new Map<number, number>()
  /** HIGHESTMODSEQ after each step. */
  const modseqs: number[] = [1]
  const { id } = await mailboxOf(storage, 'ann')
  let uidNext = 1
  const names = ['\\Seen', '\\Deleted', 'work', 'home']

  for (let step = 1; step <= steps; step++) {
    const act = random()
    if (act < 0.4) {
      const flags = names.filter(() => random() < 0.3).sort()
      await put(storage, 'ann', 'INBOX', flags)
      model.set(uidNext++, { flags, changed: step })
    } else if (act < 0.75) {
      const from = 1 + pick(uidNext)
      const to = from + pick(5)
      const mode = (['add', 'remove', 'replace'] as const)[pick(3)] ?? 'add'
      const flags = names.filter(() => random() < 0.4)
      await storage.mail.setFlags(id, { uids: [{ from, to }], mode, flags })
      for (const [uid, message] of model) {
        if (uid < from || uid > to) continue
        const after = changed(message.flags, mode, flags)
        if (after.join() !== message.flags.join()) model.set(uid, { flags: after, changed: step })
      }
    } else if (act < 0.9) {
      const uids = Array.from({ length: pick(4) }, () => 1 + pick(uidNext))
      const gone = await storage.mail.expunge(id, uids)
      const expected = [...new Set(uids)].filter(uid => model.has(uid)).sort((a, b) => a - b)
      assert.deepEqual(gone, expected)
      for (const uid of gone) {
        model.delete(uid)
        removed.set(uid, step)
      }
    } else {
      const uid = 1 + pick(uidNext)
      const moved = await storage.mail.move(id, [uid], id, start)
      const message = model.get(uid)
      assert.deepEqual(moved, message ? [{ from: uid, to: uidNext }] : [])
      if (message) {
        model.delete(uid)
        removed.set(uid, step)
        model.set(uidNext++, { flags: message.flags, changed: step })
      }
    }
    const record = await mailboxOf(storage, 'ann')
    modseqs.push(record.highestModseq)
    assert.equal(record.uidNext, uidNext)
    assert.deepEqual(
      [record.messages, record.unseen, record.bytes],
      [
        model.size,
        [...model.values()].filter(message => !message.flags.includes('\\Seen')).length,
        model.size * letter.length,
      ],
    )
    if (step % 10 > 0) continue
    const back = pick(step)
    const since = modseqs[back] ?? 1
    const uidsSince = (steps: Map<number, number>) =>
      [...steps]
        .filter(([, at]) => at > back)
        .map(([uid]) => uid)
        .sort((a, b) => a - b)
    assert.deepEqual(
      (await storage.mail.list(id)).map(message => [message.uid, message.flags]),
      [...model].map(([uid, message]) => [uid, message.flags]),
    )
    assert.deepEqual(
      (await storage.mail.list(id, { changedSince: since })).map(message => message.uid),
      uidsSince(new Map([...model].map(([uid, message]) => [uid, message.changed]))),
    )
    assert.deepEqual(await storage.mail.vanished(id, since), uidsSince(removed))
  }
}

function changed(before: readonly string[], mode: FlagChange['mode'], flags: readonly string[]): string[] {
  if (mode === 'replace') return [...flags].sort()
  if (mode === 'remove') return before.filter(flag => !flags.includes(flag))
  return [...new Set([...before, ...flags])].sort()
}

interface ModelEntry {
  state: 'waiting' | 'leased' | 'held'
  dueAt: number
  attempts: number
  lease?: LeasedEntry
}

async function runQueue(storage: Storage, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const pick = (below: number) => Math.floor(random() * below)
  const model = new Map<string, ModelEntry>()
  const { queue } = storage
  const someIds = () => [...model.keys()].filter(() => random() < 0.15)
  const leased = () => [...model].filter(([, entry]) => entry.lease && random() < 0.4)
  let now = start

  for (let step = 1; step <= steps; step++) {
    now += pick(20)
    const act = random()
    if (act < 0.3) {
      const dueAt = now + pick(50)
      // One message an entry, so that none comes along with another.
      const [id = ''] = await enqueue(storage, { address: `someone@host${pick(5)}.test`, dueAt })
      model.set(id, { state: 'waiting', dueAt, attempts: 0 })
    } else if (act < 0.6) {
      const limit = pick(6)
      const expiresAt = now + 1 + pick(60)
      const due = [...model]
        .filter(([, entry]) => entry.state !== 'held' && entry.dueAt <= now)
        .sort(([, a], [, b]) => a.dueAt - b.dueAt)
      const taken = await queue.lease({ now, expiresAt, limit })
      assert.equal(taken.length, Math.min(limit, due.length))
      assert.deepEqual(
        taken.map(lease => model.get(lease.id)?.dueAt),
        due.slice(0, limit).map(([, entry]) => entry.dueAt),
      )
      for (const lease of taken) {
        const attempts = (model.get(lease.id)?.attempts ?? 0) + 1
        assert.equal(lease.attempts, attempts)
        model.set(lease.id, { state: 'leased', dueAt: expiresAt, attempts, lease })
      }
    } else if (act < 0.8) {
      for (const [id, entry] of leased()) {
        if (!entry.lease) continue
        const done = random() < 0.5
        const dueAt = now + pick(40)
        const next = done ? ({ state: 'done' } as const) : ({ state: 'waiting', dueAt } as const)
        const { token } = entry.lease
        const result = await queue.settle({ entries: [{ id, token, attempt: failedAttempt, next }] })
        assert.equal(result.settled, true)
        if (done) model.delete(id)
        else model.set(id, { state: 'waiting', dueAt, attempts: entry.attempts })
        assert.deepEqual(await queue.renew([entry.lease], now), [id])
      }
    } else if (act < 0.87) {
      const ids = someIds().filter(id => model.get(id)?.state !== 'leased')
      assert.deepEqual(await queue.hold(ids), ids)
      for (const id of ids) Object.assign(model.get(id) ?? {}, { state: 'held' })
    } else if (act < 0.95) {
      const ids = someIds()
      const concerned = ids.filter(id => model.get(id)?.state !== 'leased')
      assert.deepEqual(await queue.release(ids, now), concerned)
      for (const id of concerned) Object.assign(model.get(id) ?? {}, { state: 'waiting', dueAt: now })
    } else {
      const ids = someIds().slice(0, 2)
      assert.deepEqual(await queue.drop(ids), ids)
      for (const id of ids) model.delete(id)
    }
    await compareQueue(storage, model)
  }
}

async function compareQueue({ queue }: Storage, model: ReadonlyMap<string, ModelEntry>): Promise<void> {
  const entries = await queue.list()
  assert.deepEqual(
    entries.map(({ id, state, dueAt, attempts }) => ({ id, state, dueAt, attempts })),
    [...model].map(([id, { state, dueAt, attempts }]) => ({ id, state, dueAt, attempts })),
  )
  const count = (state: string) => [...model.values()].filter(entry => entry.state === state).length
  assert.deepEqual(await queue.counts(), {
    waiting: count('waiting'),
    leased: count('leased'),
    held: count('held'),
    dead: 0,
  })
  const due = [...model.values()].filter(entry => entry.state !== 'held').map(entry => entry.dueAt)
  assert.equal(await queue.nextDue(), due.length > 0 ? Math.min(...due) : undefined)
}
