import {
  type AcceptBatch,
  type AcceptResult,
  type LocalCopy,
  MailError,
  newQueueEntries,
  type StoredCopy,
  sortFlags,
} from 'posthorn'
import { Mailboxes } from './mailboxes.ts'
import type { MessageRow, Tables } from './tables.ts'

const hour = 3_600_000

/** Stores copies and entries of a message whose bytes are written. */
export function acceptBatch(tables: Tables, batch: AcceptBatch): AcceptResult {
  // Whoever did not hear the answer asks again, and hears the same.
  const known = tables.batches.get(batch.id)
  if (known) return known.result
  const { message, receivedAt, copies, queued } = batch
  const blob = 'blob' in message ? message.blob : ''
  const size = tables.files.size(blob)
  if (size === undefined) throw new MailError('NO_SUCH_MESSAGE', 'the blob does not exist (any more)')
  tables.forget(receivedAt)
  const entries = queued ? newQueueEntries(queued, receivedAt) : []
  const result = {
    blob,
    copies: copies.map(copy => storeCopy(tables, copy, { blob, size, savedAt: receivedAt })),
    entries: entries.map(entry => {
      const id = tables.nextNumber('entry').toString(36).padStart(10, '0')
      tables.entries.set(id, { ...entry, id, batch: batch.id, blob, size })
      return id
    }),
  }
  tables.batches.set(batch.id, { result, expiresAt: receivedAt + hour })
  return result
}

function storeCopy(
  tables: Tables,
  { account, mailbox, flags, internalDate, prefix = new Uint8Array() }: LocalCopy,
  { size, ...message }: Pick<MessageRow, 'blob' | 'size' | 'savedAt'>,
): StoredCopy {
  const mailboxes = new Mailboxes(tables)
  const { id: mailboxId, uidValidity } = mailboxes.ensure(account, mailbox)
  const bytes = { size: size + prefix.length, prefix: Buffer.from(prefix).toString('base64') }
  const row = { ...message, ...bytes, internalDate, flags: sortFlags(flags) }
  const { uid, modseq } = mailboxes.add(mailboxId, row)
  return { account, mailbox, mailboxId, uidValidity, uid, modseq }
}
