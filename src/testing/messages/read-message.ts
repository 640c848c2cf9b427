import { headerOf, type MessageHeader } from '../../message/header.js'
import { parseMessage } from '../../message/parse-message.js'
import type { ParsedMessage } from '../../message/parsed-message.js'
import { bytesSource } from '../../message/sources.js'

/** What was read out of the octets of a message. */
export interface ReadMessage {
  readonly header: MessageHeader
  readonly parsed: ParsedMessage
}

const nothing: ParsedMessage = {
  from: [],
  to: [],
  cc: [],
  bcc: [],
  replyTo: [],
  references: [],
  attachments: [],
  headers: [],
}

/** Reads a message. Of one that cannot be parsed there is the header: its octets can be looked at all the same. */
export async function readMessage(bytes: Buffer): Promise<ReadMessage> {
  const header = headerOf(bytes)
  try {
    return { header, parsed: await parseMessage(bytesSource(bytes)) }
  } catch {
    return { header, parsed: nothing }
  }
}
