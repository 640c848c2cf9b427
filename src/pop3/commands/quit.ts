import type { Command } from '../command.js'
import type { Session } from '../session.js'

/** Messages removed by one call of the store, so that a full mailbox neither outlasts its deadline nor holds up others. */
const removedAtOnce = 1_000

/**
 * RFC 1939 §6: the UPDATE state, the only place where messages are removed. The mailbox is given back before the reply,
 * so a client may log in again as soon as it has it.
 */
export const quit: Command = {
  verb: 'QUIT',
  states: ['authorization', 'transaction'],
  run(session) {
    session.finish('quit')
    return session.state === 'transaction' ? update(session) : session.ok('Bye')
  },
}

async function update(session: Session): Promise<void> {
  session.state = 'update'
  const { account } = session.maildrop
  const marked = session.maildrop.markedUids()
  const removed: number[] = []
  try {
    for (let start = 0; start < marked.length; start += removedAtOnce) {
      removed.push(...(await remove(session, marked.slice(start, start + removedAtOnce))))
    }
    await session.releaseMaildrop()
    session.ok(marked.length === 0 ? 'Bye' : `${marked.length} messages removed, bye`)
  } catch {
    // The failed call was reported; the client learns it here (RFC 1939 §6).
    await session.releaseMaildrop()
    session.err('Some messages marked as deleted were not removed', 'SYS/TEMP')
  }
  const { traceId, context } = session
  if (removed.length > 0) context.emit('messages:deleted', { traceId, account, uids: removed })
}

function remove(session: Session, uids: readonly number[]): Promise<number[]> {
  return session.handlers.call('store', 'delete', () => session.maildrop.remove(uids))
}
