import { readAll } from '../../message/sources.js'
import { historySpaces } from '../../queue/operation/ended-recipients.js'
import { suppressionSpace } from '../../queue/operation/stored-suppression-list.js'
import type { NewRecord } from '../../storage/record-storage.js'
import type { Storage } from '../../storage/storage.js'
import type { MailStore } from '../../store/mail-store.js'
import type { Arrival } from '../recording/arrival.js'
import { clearQueue, type KeptEntry, readQueue, writeQueue } from './queue-state.js'

/** All mail of a server at one moment. Made by `mail.snapshot()`. */
export interface MailState {
  readonly arrivals: readonly Arrival[]
  readonly mailboxes: readonly KeptMailbox[]
  readonly queue: readonly KeptEntry[]
  /** The suppression list, and recipients that left the queue. */
  readonly records: readonly NewRecord[]
}

/** A mailbox of a {@link MailState}. */
export interface KeptMailbox {
  readonly account: string
  readonly name: string
  readonly messages: readonly KeptMessage[]
}

/** A message of a {@link KeptMailbox}. */
export interface KeptMessage {
  readonly bytes: Buffer
  readonly flags: readonly string[]
  readonly internalDate: number
}

/** What the queue remembers beside its entries. */
const recordSpaces = [suppressionSpace, ...Object.values(historySpaces)]

/** What mailboxes and queue have now. */
export async function readState(store: MailStore): Promise<Omit<MailState, 'arrivals'>> {
  const { storage } = store
  const mailboxes: KeptMailbox[] = []
  for (const account of await allAccounts(storage)) {
    for (const { name } of await store.mailboxes(account)) {
      mailboxes.push({ account, name, messages: await readMailbox(store, account, name) })
    }
  }
  return { mailboxes, queue: await readQueue(storage), records: await allRecords(storage) }
}

async function readMailbox(store: MailStore, account: string, name: string): Promise<KeptMessage[]> {
  const mailbox = await store.mailbox(account, name)
  const messages: KeptMessage[] = []
  for (const record of await mailbox.list()) {
    const bytes = await readAll(await mailbox.open(record))
    messages.push({ bytes, flags: record.flags, internalDate: record.internalDate })
  }
  return messages
}

/** Takes all mail out of mailboxes and queue. */
export async function clearState(store: MailStore): Promise<void> {
  const { storage } = store
  // First, so that no delivery under way comes back into a mailbox that was cleared.
  await clearQueue(storage)
  for (const account of await allAccounts(storage)) {
    for (const { name, id } of await store.mailboxes(account)) {
      if (name !== 'INBOX') await storage.mail.deleteMailbox(account, name)
      else {
        const messages = await storage.mail.list(id)
        if (messages.length > 0)
          await storage.mail.expunge(
            id,
            messages.map(message => message.uid),
          )
      }
    }
  }
  for (const { space, key } of await allRecords(storage)) await storage.records.delete(space, [key])
}

/**
 * Puts mail into mailboxes and queue, which are empty.
 * @param storage - the one that records no arrivals
 * @param now - when what was under way is due again
 */
export async function writeState(
  store: MailStore,
  storage: Storage,
  state: Omit<MailState, 'arrivals'>,
  now: number,
): Promise<void> {
  for (const { account, name, messages } of state.mailboxes) {
    if (name !== 'INBOX') await store.createMailbox(account, name)
    for (const { bytes, flags, internalDate } of messages) {
      await store.append(account, bytes, { mailbox: name, flags, internalDate })
    }
  }
  await writeQueue(storage, state.queue, now)
  for (const record of state.records) await storage.records.put(record)
}

async function allAccounts({ mail }: Storage): Promise<string[]> {
  const accounts: string[] = []
  for (;;) {
    const last = accounts.at(-1)
    const more = await mail.accounts(last === undefined ? {} : { after: last })
    if (more.length === 0) return accounts
    accounts.push(...more)
  }
}

async function allRecords({ records }: Storage): Promise<NewRecord[]> {
  const found: NewRecord[] = []
  for (const space of recordSpaces) {
    for (let after: string | undefined; ; ) {
      const page = await records.list(space, after === undefined ? {} : { after })
      for (const { count: _, ...record } of page) found.push({ space, ...record })
      after = page.at(-1)?.key
      if (after === undefined) break
    }
  }
  return found
}
