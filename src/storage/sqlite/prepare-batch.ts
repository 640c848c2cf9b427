import type { MessageSource } from '../../message/message-source.js'
import { wrongSize } from '../../message/wrong-size.js'
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

/** Reads all that storing a batch needs. A message of several pieces is stored before, with nothing that refers to it. */
export async function prepareBatch(connection: Connection, batch: AcceptBatch): Promise<PreparedBatch> {
  const { id, receivedAt, message, queued } = batch
  return {
    id,
    receivedAt,
    copies: batch.copies.map(prepareCopy),
    queued: queued && prepareQueued(queued, receivedAt),
    message: isStoredBlob(message) ? { row: blobId.row(message.blob) } : await bring(connection, message),
  }
}

/** Octets of message bytes in a batch. */
export function weightOf({ message }: PreparedBatch): number {
  return 'bytes' in message ? message.bytes.length : 0
}

async function bring(connection: Connection, message: MessageSource): Promise<PreparedBatch['message']> {
  // A buffer of its own, which can move to another thread.
  if (message.size > chunkSize) return streamBlob(connection, message.open(), message.size)
  return { bytes: message.pieces ? joined(message.pieces, message.size) : await readWhole(message) }
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  if (length !== size) throw wrongSize(size, length)
  const bytes = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

async function readWhole(source: MessageSource): Promise<Uint8Array> {
  const bytes = new Uint8Array(source.size)
  let length = 0
  for await (const chunk of source.open()) {
    if (length + chunk.length > bytes.length) throw wrongSize(source.size, length + chunk.length)
    bytes.set(chunk, length)
    length += chunk.length
  }
  if (length !== bytes.length) throw wrongSize(source.size, length)
  return bytes
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
