import assert from 'node:assert/strict'
import type { FlagChange } from '../../storage/mail-storage.js'
import type { Storage } from '../../storage/storage.js'
import { letter, mailboxOf, put, start } from './sample-batch.js'
import type { SeededRandom } from './seeded-random.js'

const flagNames = ['\\Seen', '\\Deleted', 'work', 'home']

/** One mailbox and the simplest thing that could be right, led through the same random acts. */
export class MailboxModel {
  readonly #storage: Storage
  readonly #random: SeededRandom
  readonly #id: string
  readonly #flags = new Map<number, readonly string[]>()
  /** The step of the last change, by UID. */
  readonly #changed = new Map<number, number>()
  readonly #removed = new Map<number, number>()
  /** HIGHESTMODSEQ after each step. */
  readonly #modseqs = [1]
  #uidNext = 1
  #step = 0

  constructor(storage: Storage, random: SeededRandom, id: string) {
    this.#storage = storage
    this.#random = random
    this.#id = id
  }

  /** Does one random act and compares the counters. */
  async step(): Promise<void> {
    this.#step++
    const act = this.#random.next()
    if (act < 0.4) await this.#append()
    else if (act < 0.75) await this.#changeFlags()
    else if (act < 0.9) await this.#expunge()
    else await this.#move()
    await this.#compareCounters()
  }

  async #append(): Promise<void> {
    const flags = this.#random.some(flagNames, 0.3).sort()
    await put(this.#storage, 'ann', 'INBOX', flags)
    this.#add(flags)
  }

  async #changeFlags(): Promise<void> {
    const from = 1 + this.#random.below(this.#uidNext)
    const to = from + this.#random.below(5)
    const mode = (['add', 'remove', 'replace'] as const)[this.#random.below(3)] ?? 'add'
    const flags = this.#random.some(flagNames, 0.4)
    await this.#storage.mail.setFlags(this.#id, { uids: [{ from, to }], mode, flags })
    for (const [uid, before] of this.#flags) {
      if (uid < from || uid > to) continue
      const after = changeFlags(before, mode, flags)
      if (after.join() === before.join()) continue
      this.#flags.set(uid, after)
      this.#changed.set(uid, this.#step)
    }
  }

  async #expunge(): Promise<void> {
    const uids = Array.from({ length: this.#random.below(4) }, () => 1 + this.#random.below(this.#uidNext))
    const expected = [...new Set(uids)].filter(uid => this.#flags.has(uid)).sort((a, b) => a - b)
    assert.deepEqual(await this.#storage.mail.expunge(this.#id, uids), expected)
    for (const uid of expected) this.#remove(uid)
  }

  async #move(): Promise<void> {
    const uid = 1 + this.#random.below(this.#uidNext)
    const flags = this.#flags.get(uid)
    const moved = await this.#storage.mail.move(this.#id, [uid], this.#id, start)
    assert.deepEqual(moved, flags ? [{ from: uid, to: this.#uidNext }] : [])
    if (!flags) return
    this.#remove(uid)
    this.#add(flags)
  }

  #add(flags: readonly string[]): void {
    this.#changed.set(this.#uidNext, this.#step)
    this.#flags.set(this.#uidNext++, flags)
  }

  #remove(uid: number): void {
    this.#flags.delete(uid)
    this.#changed.delete(uid)
    this.#removed.set(uid, this.#step)
  }

  async #compareCounters(): Promise<void> {
    const { uidNext, highestModseq, messages, unseen, bytes } = await mailboxOf(this.#storage, 'ann')
    assert.ok(highestModseq >= (this.#modseqs.at(-1) ?? 0))
    this.#modseqs.push(highestModseq)
    const unseenHere = [...this.#flags.values()].filter(flags => !flags.includes('\\Seen')).length
    const expected = [this.#uidNext, this.#flags.size, unseenHere, this.#flags.size * letter.length]
    assert.deepEqual([uidNext, messages, unseen, bytes], expected)
  }

  /** Compares all messages, and what changed since a random step. */
  async compare(): Promise<void> {
    const { mail } = this.#storage
    const back = this.#random.below(this.#step)
    const since = this.#modseqs[back] ?? 1
    const all = await mail.list(this.#id)
    assert.deepEqual(
      all.map(message => [message.uid, message.flags]),
      [...this.#flags],
    )
    const changed = await mail.list(this.#id, { changedSince: since })
    assert.deepEqual(
      changed.map(message => message.uid),
      keysAfter(this.#changed, back),
    )
    assert.deepEqual(await mail.vanished(this.#id, since), keysAfter(this.#removed, back))
  }
}

function keysAfter(steps: ReadonlyMap<number, number>, step: number): number[] {
  return [...steps]
    .filter(([, at]) => at > step)
    .map(([uid]) => uid)
    .sort((a, b) => a - b)
}

function changeFlags(
  before: readonly string[],
  mode: FlagChange['mode'],
  flags: readonly string[],
): string[] {
  if (mode === 'replace') return [...flags].sort()
  if (mode === 'remove') return before.filter(flag => !flags.includes(flag))
  return [...new Set([...before, ...flags])].sort()
}
