import type { Storage } from '../../src/storage/storage.js'
import { localUsers } from './host.js'
import { type Letter, readBytes, readLetter } from './letter.js'

interface Page {
  readonly letter: Letter
  /** `sending`: no answer was seen, so it may be there or not, but not half; then it is `kept` or `absent` for good. */
  fate: 'sending' | 'kept' | 'absent'
}

/** What is stored, by `<id> <recipient>`. */
interface Found {
  readonly copies: Map<string, number>
  readonly entries: Map<string, number>
  readonly leased: string[]
}

/** What one host was seen to promise, and whether it keeps that. */
export class Ledger {
  readonly #pages = new Map<string, Page>()
  readonly #received: ReadonlyMap<string, number>
  /** Expunged, or about to be when the process died. */
  readonly #expunged = new Set<string>()
  /** How often the process died while a recipient's delivery was under way. */
  readonly #interrupted = new Map<string, number>()
  readonly #uids = new Map<string, string>()
  readonly #uidNext = new Map<string, number>()
  readonly #blobs = new Map<string, string>()

  constructor(received: ReadonlyMap<string, number>) {
    this.#received = received
  }

  sending(letter: Letter): void {
    this.#pages.set(letter.id, { letter, fate: 'sending' })
  }

  accepted({ id }: Letter): void {
    const page = this.#pages.get(id)
    if (page) page.fate = 'kept'
  }

  expunging(id: string): void {
    this.#expunged.add(`${id} dave@example.test`)
  }

  /** A reader saw a message under a UID. */
  seen(account: string, uid: number, id: string): void {
    this.#nameUid(`${account} INBOX ${uid}`, id)
  }

  /** Compares the storage with what was promised. Throws at the first broken promise. */
  async verify(storage: Storage): Promise<void> {
    const found: Found = { copies: new Map(), entries: new Map(), leased: [] }
    for (const account of localUsers) await this.#readAccount(storage, account, found.copies)
    await this.#readQueue(storage, found)
    for (const key of found.leased) this.#interrupted.set(key, (this.#interrupted.get(key) ?? 0) + 1)
    for (const page of this.#pages.values()) this.#judge(page, found)
  }

  /** Letters by fate, recipients whose delivery was interrupted, and deliveries beyond the first. */
  get counts() {
    const fates = { sending: 0, kept: 0, absent: 0 }
    for (const { fate } of this.#pages.values()) fates[fate]++
    let doubled = 0
    for (const [key, times] of this.#received) {
      if (this.#pages.has(key.split(' ')[0] ?? '')) doubled += times - 1
    }
    const interrupted = [...this.#interrupted.values()].reduce((sum, times) => sum + times, 0)
    return { ...fates, interrupted, doubled }
  }

  async #readAccount(storage: Storage, account: string, copies: Found['copies']): Promise<void> {
    for (const mailbox of await storage.mail.mailboxes(account)) {
      const place = `${account} ${mailbox.name}`
      this.#expectGrowth(`UIDVALIDITY of ${place}`, mailbox.uidValidity, mailbox.uidValidity)
      this.#expectGrowth(`UIDNEXT of ${place}`, mailbox.uidNext)
      for (const message of await storage.mail.list(mailbox.id)) {
        if (message.uid >= mailbox.uidNext)
          throw new Error(`UID ${message.uid} of ${place} is from the future`)
        const id = await this.#identify(storage, message.blob, message.prefix)
        this.#nameUid(`${place} ${message.uid}`, id)
        add(copies, `${id} ${account}@example.test`)
      }
    }
  }

  /** Numbers that only grow; one that is not to change at all is given twice. */
  #expectGrowth(what: string, value: number, most = Number.POSITIVE_INFINITY): void {
    const before = this.#uidNext.get(what) ?? value
    if (value < before || before > most) throw new Error(`${what} went from ${before} to ${value}`)
    this.#uidNext.set(what, value)
  }

  #nameUid(place: string, id: string): void {
    const before = this.#uids.get(place) ?? id
    if (before !== id) throw new Error(`the UID of ${before} was given to ${id}: ${place}`)
    this.#uids.set(place, id)
  }

  /** Reads a message whole, the first time. */
  async #identify(storage: Storage, blob: string, prefix?: Uint8Array): Promise<string> {
    let id = this.#blobs.get(blob)
    if (id === undefined) {
      const source = await storage.blobs.open(blob, prefix)
      if (!source) throw new Error(`blob ${blob} is gone`)
      id = readLetter(await readBytes(source))
      this.#blobs.set(blob, id)
    }
    return id
  }

  async #readQueue(storage: Storage, found: Found): Promise<void> {
    for (const entry of await storage.queue.list({ limit: 1_000_000 })) {
      const key = `${await this.#identify(storage, entry.blob)} ${entry.recipient.address}`
      if (entry.state === 'dead') throw new Error(`the entry of ${key} is dead: ${entry.problem}`)
      add(found.entries, key)
      if (entry.state === 'leased') found.leased.push(key)
    }
  }

  #judge(page: Page, found: Found): void {
    const { id, recipients } = page.letter
    const keys = recipients.map(recipient => `${id} ${recipient}`)
    const there = keys.filter(key => this.#isThere(key, found))
    if (page.fate === 'sending') page.fate = there.length > 0 ? 'kept' : 'absent'
    const wanted = page.fate === 'kept' ? keys.length : 0
    if (there.length !== wanted) {
      throw new Error(`${id} is ${page.fate}, for ${keys.join(', ')}, and there is: ${there.join(', ')}`)
    }
    for (const key of keys) this.#judgeDoubles(key, found)
  }

  #isThere(key: string, { copies, entries }: Found): boolean {
    return copies.has(key) || entries.has(key) || this.#received.has(key) || this.#expunged.has(key)
  }

  #judgeDoubles(key: string, { copies, entries }: Found): void {
    const stored = (copies.get(key) ?? 0) + (entries.get(key) ?? 0)
    if (stored > 1) throw new Error(`${key} is stored ${stored} times`)
    const received = this.#received.get(key) ?? 0
    const interrupted = this.#interrupted.get(key) ?? 0
    if (received > 1 + interrupted) {
      throw new Error(`${key} was delivered ${received} times, and interrupted ${interrupted} times`)
    }
    if (entries.has(key) && received > interrupted) {
      throw new Error(`${key} was delivered ${received} times, and will be again`)
    }
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
