import { MailError } from '../core/error.js'
import type { MessageSource } from '../message/message-source.js'
import { DotStuffing } from './dot-stuffing.js'
import type { DropMessage } from './maildrop.js'
import type { MessageTop } from './message-top.js'
import type { Session } from './session.js'

/** Octets of a message that is sent at once where it is at hand; a longer one as the client takes it. */
const sentAtOnce = 64 * 1024

/**
 * Sends a message, or the top of it. `+OK` is said once the first bytes are there.
 * @throws MailError `NO_SUCH_MESSAGE`, `STORAGE_FAILED`, before `+OK`.
 */
export async function sendMessage(session: Session, message: DropMessage, top?: MessageTop): Promise<void> {
  const { handlers, maildrop, context, traceId } = session
  const source = await handlers.call('store', 'open', () => maildrop.open(message))
  if (source.bytes?.length === source.size && source.size <= sentAtOnce) {
    sendBytes(session, source.bytes, top)
  } else await stream(session, source, top)
  const part = top ? 'top' : 'whole'
  context.emit('message:retrieved', { traceId, account: maildrop.account, uid: message.outline.uid, part })
}

function sendBytes(session: Session, bytes: Uint8Array, top: MessageTop | undefined): void {
  const stuffing = new DotStuffing()
  session.ok('Message follows')
  session.connection.write(stuffing.push(top ? top.push(bytes) : bytes))
  session.connection.write(stuffing.end())
}

/**
 * Sends a message as the client takes it: no more of it is in memory than one chunk and what the socket holds. A message
 * that breaks off after `+OK` ends the connection, as nothing else tells the client that it is not whole.
 */
async function stream(session: Session, source: MessageSource, top: MessageTop | undefined): Promise<void> {
  const { handlers, connection } = session
  const chunks = source.open()[Symbol.asyncIterator]()
  const next = () => handlers.call('store', 'read', () => chunks.next())
  const first = await next()
  session.ok('Message follows')
  try {
    const stuffing = new DotStuffing()
    let octets = 0
    for (let chunk = first; !chunk.done; chunk = await next()) {
      octets += chunk.value.length
      connection.write(stuffing.push(top ? top.push(chunk.value) : chunk.value))
      if (connection.full) await session.drained()
      if (top?.done) break
      connection.flushSoon()
    }
    if (!top?.done) assertWhole(source, octets)
    connection.write(stuffing.end())
  } catch (thrown) {
    session.cut('lost')
    throw thrown
  } finally {
    // Not awaited: a driver that hangs must not hold the session.
    chunks.return?.()?.catch(() => {})
  }
}

function assertWhole(source: MessageSource, octets: number): void {
  if (octets === source.size) return
  throw new MailError('MESSAGE_INCOMPLETE', `the store gave ${octets} of ${source.size} octets`)
}
