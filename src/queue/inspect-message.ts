import { isAscii, isUtf8 } from 'node:buffer'
import { readHeader } from '../message/header.js'
import type { MessageSource } from '../message/message-source.js'

/** What an envelope has to say of the bytes of a message. */
export interface MessageTraits {
  /** Whether it has octets beyond ASCII: BODY=8BITMIME (RFC 6152). */
  readonly is8bit: boolean
  /** Whether its header is UTF-8 beyond ASCII: SMTPUTF8 (RFC 6531). */
  readonly hasUtf8Header: boolean
  /** Of its `Message-ID:`, with the angle brackets. */
  readonly messageId: string | undefined
}

/** Reads a message through once, for its envelope. */
export async function inspectMessage(message: MessageSource): Promise<MessageTraits> {
  const header = await readHeader(message)
  const raw = Buffer.concat(header.fields.map(field => Buffer.from(field.raw, 'latin1')))
  return {
    is8bit: await has8bit(message),
    hasUtf8Header: !isAscii(raw) && isUtf8(raw),
    messageId: /<[^<>\s]+>/.exec(header.get('message-id')?.value ?? '')?.[0],
  }
}

async function has8bit(message: MessageSource): Promise<boolean> {
  for await (const chunk of message.open()) if (!isAscii(chunk)) return true
  return false
}
