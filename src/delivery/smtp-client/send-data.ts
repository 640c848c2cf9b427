import { MailError } from '../../core/error.js'
import type { MessageSource } from '../../message/message-source.js'
import { DotStuffer } from './dot-stuffing.js'
import type { SmtpWire } from './smtp-wire.js'

/** Up to this size, the last bytes and the final dot leave in one write. */
const smallTail = 16 * 1024

/** How {@link sendData} ended without a fault of the connection. */
export type DataSent =
  /** The final dot is on its way: from here on, nobody but the server knows what becomes of the message. */
  | 'sent'
  /** The server replied before the end. The message was not ended. */
  | 'interrupted'

/**
 * Streams a message and its final dot, to which `replies` are due. Holds no more of it than one chunk and what the
 * socket buffers.
 * @throws MailError of the wire, always before the final dot; and whatever the source throws.
 */
export async function sendData(
  wire: SmtpWire,
  message: MessageSource,
  blockLimit: number,
  replies = 1,
): Promise<DataSent> {
  const stuffer = new DotStuffer()
  const chunks = message.open()[Symbol.asyncIterator]()
  let held: Buffer | undefined
  let size = 0
  try {
    for (;;) {
      // A source that stalls must not outlast the connection. Asked anew each time: a promise keeps what it raced with.
      const next = await Promise.race([chunks.next(), wire.broken()])
      if (wire.failure) throw wire.failure
      if (next === undefined || wire.early) return 'interrupted'
      if (next.done) break
      if (held) await wire.write(held, blockLimit, 'the message')
      size += next.value.length
      held = stuffer.push(next.value)
    }
  } finally {
    chunks.return?.().catch(() => {})
  }
  // A message cut short must never be ended as if it were whole.
  if (size !== message.size)
    throw new MailError('MESSAGE_INCOMPLETE', `the message has ${size} of ${message.size} octets`)
  return finish(wire, { last: held ?? Buffer.alloc(0), end: stuffer.end(), replies }, blockLimit)
}

interface Ending {
  readonly last: Buffer
  readonly end: Buffer
  readonly replies: number
}

async function finish(wire: SmtpWire, { last, end, replies }: Ending, blockLimit: number): Promise<DataSent> {
  if (last.length > smallTail) await wire.write(last, blockLimit, 'the message')
  if (wire.failure) throw wire.failure
  if (wire.early) return 'interrupted'
  wire.writeEnd(last.length > smallTail ? end : Buffer.concat([last, end]), replies)
  return 'sent'
}
