import { exactChunks, wrongSize } from '../../message/exact-chunks.js'
import type { MessageSource } from '../../message/message-source.js'
import type { LocalCopy } from '../mail-storage.js'
import { type QueuedMessage, type QueuedRecipient, senderOf } from '../queue-storage.js'
import { type AcceptBatch, isStoredBlob } from '../storage.js'
import type { NewCopy, PreparedBatch } from './accept-batch.js'
import { chunkSize } from './blob-rows.js'
import type { Connection } from './connection.js'
import type { NewEntry, NewQueuedMessage } from './entry-changes.js'
import { formatFlags } from './message-rows.js'
import { blobId } from './row-ids.js'
import { streamBlob } from './stream-blob.js'

/**
 * Has batches used with all that storing them needs, and gives the memory of their messages back.
 * @param use - gets them, and how many octets of messages are in them.
 */
export async function withPrepared<T>(
  connection: Connection,
  batches: readonly AcceptBatch[],
  use: (prepared: readonly PreparedBatch[], weight: number) => Promise<T>,
): Promise<T> {
  const prepared: PreparedBatch[] = []
  try {
    let weight = 0
    for (const batch of batches) {
      const ready = await prepareBatch(connection, batch)
      prepared.push(ready)
      if ('bytes' in ready.message) weight += ready.message.bytes.length
    }
    return await use(prepared, weight)
  } finally {
    for (const { message } of prepared) if ('bytes' in message) connection.memory.release(message.bytes)
  }
}

/** Reads all that storing a batch needs. A message of several pieces is stored before, with nothing that refers to it. */
async function prepareBatch(connection: Connection, batch: AcceptBatch): Promise<PreparedBatch> {
  const { id, receivedAt, message, queued } = batch
  return {
    id,
    receivedAt,
    copies: batch.copies.map(prepareCopy),
    queued: queued && prepareQueued(queued, receivedAt),
    message: isStoredBlob(message) ? { row: blobId.row(message.blob) } : await bring(connection, message),
  }
}

async function bring(connection: Connection, message: MessageSource): Promise<PreparedBatch['message']> {
  if (message.size > chunkSize) return streamBlob(connection, exactChunks(message))
  const bytes = connection.memory.take(message.size)
  try {
    if (message.pieces) join(message.pieces, bytes)
    else await readInto(bytes, message)
    return { bytes }
  } catch (thrown) {
    connection.memory.release(bytes)
    throw thrown
  }
}

function join(pieces: readonly Uint8Array[], bytes: Uint8Array): void {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  if (length !== bytes.length) throw wrongSize(bytes.length, length)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
}

async function readInto(bytes: Uint8Array, source: MessageSource): Promise<void> {
  let length = 0
  for await (const chunk of exactChunks(source)) {
    bytes.set(chunk, length)
    length += chunk.length
  }
}

function prepareCopy({ account, mailbox, flags, internalDate, prefix }: LocalCopy): NewCopy {
  return {
    account,
    mailbox,
    flags: formatFlags(flags),
    internalDate,
    prefix: prefix?.length ? new Uint8Array(prefix) : null,
  }
}

function prepareQueued(queued: QueuedMessage, queuedAt: number): NewQueuedMessage {
  const { traceId, envelope, recipients, submitter } = queued
  return {
    traceId,
    envelope: JSON.stringify(envelope),
    sender: envelope.sender,
    submitter: submitter ?? null,
    owner: senderOf(queued),
    queuedAt,
    entries: recipients.map(prepareEntry),
  }
}

function prepareEntry({ destination, dueAt, held = false, ...recipient }: QueuedRecipient): NewEntry {
  return { recipient: JSON.stringify(recipient), address: recipient.address, destination, dueAt, held }
}
