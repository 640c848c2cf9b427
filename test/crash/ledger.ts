import type { EndedRecipient } from '../../src/queue/operation/ended-recipients.js'
import type { Storage } from '../../src/storage/storage.js'
import { remoteDomains } from './host.js'
import { keyOf, type Letter } from './letter.js'
import { readHistory } from './queue-history.js'
import type { Sink } from './sink.js'
import { type StoredMail, StoredMailReader } from './stored-mail.js'
import { UidBook } from './uid-book.js'

interface Page {
  readonly letter: Letter
  /** `sending`: no answer was seen, so it may be there or not, but not half; then it is `kept` or `absent` for good. */
  fate: 'sending' | 'kept' | 'absent'
}

/** What one host was seen to promise, and whether it keeps that. */
export class Ledger {
  readonly #sink: Pick<Sink, 'received' | 'bounces'>
  readonly #pages = new Map<string, Page>()
  /** Removed by a reader or the operator, or about to be when the process died. */
  readonly #removed = new Set<string>()
  /** How often the process died while a recipient's delivery was under way. */
  readonly #interrupted = new Map<string, number>()
  /** What each bounce that was ever seen returns. */
  readonly #bounces = new Map<string, readonly string[]>()
  readonly #uids = new UidBook()
  readonly #reader = new StoredMailReader(this.#uids)

  constructor(sink: Pick<Sink, 'received' | 'bounces'>) {
    this.#sink = sink
  }

  sending(letter: Letter): void {
    this.#pages.set(letter.id, { letter, fate: 'sending' })
  }

  accepted({ id }: Letter): void {
    const page = this.#pages.get(id)
    if (page) page.fate = 'kept'
  }

  removing(key: string): void {
    this.#removed.add(key)
  }

  /** A reader saw a message under a UID. */
  seen(mailbox: string, uid: number, name: string): void {
    this.#uids.note(mailbox, uid, name)
  }

  /** Compares the storage with what was promised. Throws at the first broken promise. */
  async verify(storage: Storage): Promise<void> {
    const stored = await this.#reader.read(storage)
    for (const key of stored.leased) add(this.#interrupted, key)
    for (const [key, returns] of [...stored.bounces, ...this.#sink.bounces]) {
      if (returns.some(returned => this.#pages.has(nameOf(returned)))) this.#bounces.set(key, returns)
    }
    const returned = this.#returned()
    for (const page of this.#pages.values()) this.#judge(page, stored, returned)
    this.#judgeHistory(await readHistory(storage), stored, returned)
    for (const key of this.#bounces.keys()) {
      if (!this.#isThere(key, stored)) throw new Error(`the bounce ${key} is lost`)
      this.#judgeDoubles(key, stored)
    }
  }

  /** Letters by fate, recipients that were returned or whose delivery was interrupted, and deliveries beyond the first. */
  get counts() {
    const fates = { sending: 0, kept: 0, absent: 0 }
    for (const { fate } of this.#pages.values()) fates[fate]++
    let doubled = 0
    for (const [key, times] of this.#sink.received) {
      if (this.#pages.has(nameOf(key)) || this.#bounces.has(key)) doubled += times - 1
    }
    const interrupted = [...this.#interrupted.values()].reduce((sum, times) => sum + times, 0)
    return { ...fates, returned: this.#returned().size, interrupted, doubled }
  }

  /** How many bounces return each recipient. */
  #returned(): Map<string, number> {
    const returned = new Map<string, number>()
    for (const key of [...this.#bounces.values()].flat()) add(returned, key)
    return returned
  }

  #judge(page: Page, stored: StoredMail, returned: ReadonlyMap<string, number>): void {
    const { id, recipients, sender } = page.letter
    const keys = recipients.map(recipient => keyOf(id, recipient))
    const there = keys.filter(key => returned.has(key) || this.#isThere(key, stored))
    if (page.fate === 'sending') page.fate = there.length > 0 ? 'kept' : 'absent'
    const wanted = page.fate === 'kept' ? keys.length : 0
    if (there.length !== wanted) {
      throw new Error(
        `${id} of ${sender} is ${page.fate}, for ${keys.join(', ')}, and there is: ${there.join(', ')}`,
      )
    }
    for (const key of keys) this.#judgeDoubles(key, stored, returned.get(key))
  }

  /** A recipient elsewhere has ended exactly when its entry left the queue, and as what became of it says. */
  #judgeHistory(
    history: ReadonlyMap<string, EndedRecipient>,
    { entries }: StoredMail,
    returned: ReadonlyMap<string, number>,
  ): void {
    const ends = { delivered: this.#sink.received, bounced: returned, dropped: this.#removed }
    for (const { letter, fate } of this.#pages.values()) {
      for (const recipient of letter.recipients.filter(isRemote)) {
        const key = keyOf(letter.id, recipient)
        const end = history.get(key)?.end
        const left = fate === 'kept' && !entries.has(key)
        if (left !== (end !== undefined)) throw new Error(`${key} is ${fate}, and its end: ${end}`)
        if (end && !ends[end].has(key)) throw new Error(`${key} was not ${end}, as its history has it`)
      }
    }
  }

  #isThere(key: string, { copies, entries }: StoredMail): boolean {
    return copies.has(key) || entries.has(key) || this.#sink.received.has(key) || this.#removed.has(key)
  }

  /** A recipient that is returned has left the queue with the same commit, and is never returned again. */
  #judgeDoubles(key: string, { copies, entries }: StoredMail, returned = 0): void {
    const kept = (copies.get(key) ?? 0) + (entries.get(key) ?? 0)
    if (kept > 1) throw new Error(`${key} is stored ${kept} times`)
    if (returned > 1) throw new Error(`${key} was returned ${returned} times`)
    if (returned > 0 && kept > 0) throw new Error(`${key} was returned, and is still queued`)
    const received = this.#sink.received.get(key) ?? 0
    const interrupted = this.#interrupted.get(key) ?? 0
    if (received + returned > 1 + interrupted) {
      throw new Error(
        `${key} was delivered ${received} times, returned ${returned} times, and interrupted ${interrupted} times`,
      )
    }
    if (entries.has(key) && received > interrupted) {
      throw new Error(`${key} was delivered ${received} times, and will be again`)
    }
  }
}

function isRemote(recipient: string): boolean {
  return remoteDomains.some(domain => recipient.endsWith(`@${domain}`))
}

function nameOf(key: string): string {
  return key.slice(0, key.indexOf(' '))
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
