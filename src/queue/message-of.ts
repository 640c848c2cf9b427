import type { MessageSource } from '../message/message-source.js'
import { type AcceptBatch, isStoredBlob } from '../storage/storage.js'
import type { QueueContext } from './queue-context.js'

/** The message of a batch, which may be stored already. @throws when storage does not have it. */
export async function messageOf(
  { settings }: QueueContext,
  { message }: AcceptBatch,
): Promise<MessageSource> {
  if (!isStoredBlob(message)) return message
  const stored = await settings.storage.blobs.open(message.blob)
  if (!stored) throw new Error('the message is not at hand')
  return stored
}
