import type { Command } from '../command.js'
import { namedMessage } from '../message-number.js'

/** RFC 1939 §5. Marks only: QUIT removes. */
export const dele: Command = {
  verb: 'DELE',
  states: ['transaction'],
  run(session, argument) {
    const message = namedMessage(session, argument)
    if (!message) return undefined
    session.maildrop.mark(message)
    return session.ok('Marked as deleted')
  },
}
