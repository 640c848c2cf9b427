import type { Storage } from '../../src/storage/storage.js'
import { localUsers } from './host.js'
import { keyOf, type Mail, readBytes, readMail } from './letter.js'
import type { UidBook } from './uid-book.js'

/** What is stored, by {@link keyOf}. */
export interface StoredMail {
  readonly copies: ReadonlyMap<string, number>
  readonly entries: ReadonlyMap<string, number>
  readonly leased: readonly string[]
  /** What each bounce returns. */
  readonly bounces: ReadonlyMap<string, readonly string[]>
}

/** Reads all mail of a host again and again, each message whole the first time. */
export class StoredMailReader {
  readonly #uids: UidBook
  readonly #blobs = new Map<string, Mail>()

  constructor(uids: UidBook) {
    this.#uids = uids
  }

  async read(storage: Storage): Promise<StoredMail> {
    const found = { copies: new Map(), entries: new Map(), leased: [], bounces: new Map() }
    for (const account of localUsers) await this.#readAccount(storage, account, found)
    await this.#readQueue(storage, found)
    return found
  }

  async #readAccount(storage: Storage, account: string, { copies, bounces }: Finding): Promise<void> {
    for (const mailbox of await storage.mail.mailboxes(account)) {
      this.#uids.noteMailbox(mailbox)
      for (const message of await storage.mail.list(mailbox.id)) {
        if (message.uid >= mailbox.uidNext) throw new Error(`UID ${message.uid} is from the future`)
        const mail = await this.#identify(storage, message.blob, message.prefix)
        this.#uids.note(mailbox.id, message.uid, mail.name)
        add(copies, bounces, mail, `${account}@example.test`)
      }
    }
  }

  async #readQueue(storage: Storage, { entries, bounces, leased }: Finding): Promise<void> {
    for (const entry of await storage.queue.list({ limit: 1_000_000 })) {
      const key = add(entries, bounces, await this.#identify(storage, entry.blob), entry.recipient.address)
      if (entry.state === 'dead') throw new Error(`the entry of ${key} is dead: ${entry.problem}`)
      if (entry.state === 'leased') leased.push(key)
    }
  }

  async #identify(storage: Storage, blob: string, prefix?: Uint8Array): Promise<Mail> {
    let mail = this.#blobs.get(blob)
    if (mail === undefined) {
      const source = await storage.blobs.open(blob, prefix)
      if (!source) throw new Error(`blob ${blob} is gone`)
      mail = readMail(await readBytes(source))
      this.#blobs.set(blob, mail)
    }
    return mail
  }
}

interface Finding {
  readonly copies: Map<string, number>
  readonly entries: Map<string, number>
  readonly leased: string[]
  readonly bounces: Map<string, readonly string[]>
}

function add(
  counts: Map<string, number>,
  bounces: Map<string, readonly string[]>,
  { name, returns }: Mail,
  recipient: string,
): string {
  const key = keyOf(name, recipient)
  counts.set(key, (counts.get(key) ?? 0) + 1)
  if (returns) bounces.set(key, returns)
  return key
}
