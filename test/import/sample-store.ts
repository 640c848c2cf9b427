import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { readAll } from '../../src/message/sources.js'
import { createMailStore } from '../../src/store/create-mail-store.js'
import type { MailStore } from '../../src/store/mail-store.js'
import { newStorage } from '../testing-tools/describe-storages.js'

/** A message as a test tells and compares it. */
export interface Letter {
  /** Octets as characters (latin1). */
  readonly octets: string
  readonly flags: readonly string[]
  readonly date: number
}

export const newYear = Date.UTC(2026, 0, 1)

/** A letter with a text, and a date of some milliseconds. */
export function letter(octets: string, flags: readonly string[] = [], date = newYear + 123): Letter {
  return { octets, flags, date }
}

/** A store with letters in the mailboxes of `ann`. */
export async function storeWith(
  mailboxes: Readonly<Record<string, readonly Letter[]>> = {},
): Promise<MailStore> {
  const store = createMailStore({ storage: newStorage() })
  for (const [mailbox, letters] of Object.entries(mailboxes)) {
    if (mailbox !== 'INBOX') await store.createMailbox('ann', mailbox)
    for (const { octets, flags, date } of letters) {
      await store.append('ann', Buffer.from(octets, 'latin1'), { mailbox, flags, internalDate: date })
    }
  }
  return store
}

/** The letters of a mailbox of `ann`, in their order. */
export async function lettersIn(store: MailStore, name = 'INBOX'): Promise<Letter[]> {
  const mailbox = await store.mailbox('ann', name)
  return Promise.all(
    (await mailbox.list()).map(async record => ({
      octets: (await readAll(await mailbox.open(record))).toString('latin1'),
      flags: record.flags,
      date: record.internalDate,
    })),
  )
}

/** A directory that is gone after the test. */
export async function scratchDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-import-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Octets in chunks of a few, from one buffer that is used again. */
export async function* trickle(octets: string, step: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(octets, 'latin1')
  for (let at = 0; at < bytes.length; at += step) yield Buffer.from(bytes.subarray(at, at + step))
}
