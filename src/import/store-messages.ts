import { MailError } from '../core/error.js'
import type { MessageSource } from '../message/message-source.js'
import type { MessageRecord } from '../storage/mail-storage.js'
import type { Mailbox } from '../store/mail-store.js'

const pageSize = 500

/** A message to export. */
export interface StoredMessage {
  readonly record: MessageRecord
  readonly source: MessageSource
}

/** Messages of a mailbox by UID, a page of records in memory at a time. Those that go meanwhile are passed over. */
export async function* storedMessages(mailbox: Mailbox): AsyncGenerator<StoredMessage> {
  for (let from = 1; ; ) {
    const page = await mailbox.list({ uids: [{ from, to: Number.POSITIVE_INFINITY }], limit: pageSize })
    const last = page.at(-1)
    if (!last) return
    for (const record of page) {
      const source = await openIfThere(mailbox, record)
      if (source) yield { record, source }
    }
    from = last.uid + 1
  }
}

async function openIfThere(mailbox: Mailbox, record: MessageRecord): Promise<MessageSource | undefined> {
  try {
    return await mailbox.open(record)
  } catch (thrown) {
    if (thrown instanceof MailError && thrown.code === 'NO_SUCH_MESSAGE') return undefined
    throw thrown
  }
}
