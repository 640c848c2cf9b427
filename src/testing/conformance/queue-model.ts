import assert from 'node:assert/strict'
import type { LeasedEntry } from '../../storage/queue-storage.js'
import type { Storage } from '../../storage/storage.js'
import { enqueue, settled, start } from './sample-batch.js'
import type { SeededRandom } from './seeded-random.js'

interface ModelEntry {
  readonly state: 'waiting' | 'leased' | 'held'
  readonly dueAt: number
  readonly attempts: number
  readonly lease?: LeasedEntry
}

/** The queue and the simplest thing that could be right, led through the same random acts. */
export class QueueModel {
  readonly #storage: Storage
  readonly #random: SeededRandom
  readonly #entries = new Map<string, ModelEntry>()
  #now = start

  constructor(storage: Storage, random: SeededRandom) {
    this.#storage = storage
    this.#random = random
  }

  /** Does one random act. */
  async step(): Promise<void> {
    this.#now += this.#random.below(20)
    const act = this.#random.next()
    if (act < 0.3) await this.#enqueue()
    else if (act < 0.6) await this.#lease()
    else if (act < 0.8) await this.#settle()
    else if (act < 0.87) await this.#hold()
    else if (act < 0.95) await this.#release()
    else await this.#drop()
  }

  /** One message an entry, so that none comes along with another. */
  async #enqueue(): Promise<void> {
    const dueAt = this.#now + this.#random.below(50)
    const address = `someone@host${this.#random.below(5)}.test`
    const [id = ''] = await enqueue(this.#storage, { address, dueAt })
    this.#entries.set(id, { state: 'waiting', dueAt, attempts: 0 })
  }

  async #lease(): Promise<void> {
    const now = this.#now
    const limit = this.#random.below(6)
    const expiresAt = now + 1 + this.#random.below(60)
    const due = this.#due()
      .filter(dueAt => dueAt <= now)
      .slice(0, limit)
    const taken = await this.#storage.queue.lease({ now, expiresAt, limit })
    assert.deepEqual(
      taken.map(lease => this.#entries.get(lease.id)?.dueAt),
      due,
    )
    for (const lease of taken) {
      const before = this.#entries.get(lease.id)
      assert.ok(before && before.state !== 'held')
      assert.equal(lease.attempts, before.attempts + 1)
      this.#entries.set(lease.id, { state: 'leased', dueAt: expiresAt, attempts: lease.attempts, lease })
    }
  }

  async #settle(): Promise<void> {
    const { queue } = this.#storage
    for (const [id, { lease, attempts }] of this.#random.some(this.#entries, 0.4)) {
      if (!lease) continue
      const dueAt = this.#now + this.#random.below(40)
      const done = this.#random.chance(0.5)
      const next = done ? ({ state: 'done' } as const) : ({ state: 'waiting', dueAt } as const)
      assert.equal((await queue.settle({ entries: [settled(lease, next)] })).settled, true)
      assert.deepEqual(await queue.renew([lease], this.#now), [id])
      if (done) this.#entries.delete(id)
      else this.#entries.set(id, { state: 'waiting', dueAt, attempts })
    }
  }

  async #hold(): Promise<void> {
    const ids = this.#notLeased(this.#some())
    assert.deepEqual(await this.#storage.queue.hold(ids), ids)
    this.#change(ids, { state: 'held' })
  }

  async #release(): Promise<void> {
    const ids = this.#some()
    const concerned = this.#notLeased(ids)
    assert.deepEqual(await this.#storage.queue.release(ids, this.#now), concerned)
    this.#change(concerned, { state: 'waiting', dueAt: this.#now })
  }

  async #drop(): Promise<void> {
    const ids = this.#some().slice(0, 2)
    assert.deepEqual(await this.#storage.queue.drop(ids), ids)
    for (const id of ids) this.#entries.delete(id)
  }

  /** Compares all entries, the counts and when the next is due. */
  async compare(): Promise<void> {
    const { queue } = this.#storage
    const entries = await queue.list()
    assert.deepEqual(
      entries.map(({ id, state, dueAt, attempts }) => ({ id, state, dueAt, attempts })),
      [...this.#entries].map(([id, { state, dueAt, attempts }]) => ({ id, state, dueAt, attempts })),
    )
    const count = (state: string) => entries.filter(entry => entry.state === state).length
    const counts = { waiting: count('waiting'), leased: count('leased'), held: count('held'), dead: 0 }
    assert.deepEqual(await queue.counts(), counts)
    assert.equal(await queue.nextDue(), this.#due()[0])
  }

  /** When entries are due that are not held, ascending. */
  #due(): number[] {
    return [...this.#entries.values()]
      .filter(entry => entry.state !== 'held')
      .map(entry => entry.dueAt)
      .sort((a, b) => a - b)
  }

  #some(): string[] {
    return this.#random.some(this.#entries.keys(), 0.15)
  }

  #notLeased(ids: readonly string[]): string[] {
    return ids.filter(id => this.#entries.get(id)?.state !== 'leased')
  }

  #change(ids: readonly string[], change: Partial<ModelEntry>): void {
    for (const id of ids) {
      const entry = this.#entries.get(id)
      if (entry) this.#entries.set(id, { ...entry, ...change })
    }
  }
}
