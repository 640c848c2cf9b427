import { MailError } from '../core/error.js'
import type { MessageSource } from '../message/message-source.js'
import { DotStuffing } from './dot-stuffing.js'
import type { DropMessage } from './maildrop.js'
import type { MessageTop } from './message-top.js'
import type { Session } from './session.js'

/**
 * Sends a message, or the top of it, as the client takes it: no more of it is in memory than one chunk and what the
 * socket holds. `+OK` is said once the first bytes are there; a message that breaks off after it ends the connection,
 * as nothing else tells the client that it is not whole.
 * @throws MailError `NO_SUCH_MESSAGE`, `STORAGE_FAILED`, before `+OK`.
 */
export async function sendMessage(session: Session, message: DropMessage, top?: MessageTop): Promise<void> {
  const { handlers, connection, maildrop } = session
  const source = await handlers.call('store', 'open', () => maildrop.open(message))
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
    }
    if (!top?.done) assertWhole(source, octets)
    connection.write(stuffing.end())
    session.context.emit('message:retrieved', {
      traceId: session.traceId,
      account: maildrop.account,
      uid: message.record.uid,
      part: top ? 'top' : 'whole',
    })
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
