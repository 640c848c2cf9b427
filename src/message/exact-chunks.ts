import { MailError } from '../core/error.js'
import type { MessageSource } from './message-source.js'

/**
 * The chunks of a message, for whoever stores it: as many octets as it says, and never more.
 * @throws MailError `MESSAGE_INCOMPLETE` when the source gives fewer or more.
 */
export async function* exactChunks(source: MessageSource): AsyncGenerator<Uint8Array> {
  const { size } = source
  let length = 0
  for await (const chunk of source.open()) {
    length += chunk.length
    if (length > size) throw wrongSize(size, length)
    yield chunk
  }
  if (length < size) throw wrongSize(size, length)
}

/** The error of a message that gave other octets than it said. */
export function wrongSize(size: number, length: number): MailError {
  return new MailError(
    'MESSAGE_INCOMPLETE',
    `the message said it has ${size} octets and gave ${length < size ? 'only ' : ''}${length}`,
    { temporary: true },
  )
}
