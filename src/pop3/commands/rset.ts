import type { Command } from '../command.js'

/** RFC 1939 §5. */
export const rset: Command = {
  verb: 'RSET',
  states: ['transaction'],
  run(session) {
    session.maildrop.unmarkAll()
    return session.ok(`${session.maildrop.count} messages (${session.maildrop.octets} octets)`)
  },
}
