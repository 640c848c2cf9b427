import type { Command } from '../command.js'

/** RFC 1939 §5. */
export const stat: Command = {
  verb: 'STAT',
  states: ['transaction'],
  run(session) {
    return session.ok(`${session.maildrop.count} ${session.maildrop.octets}`)
  },
}
