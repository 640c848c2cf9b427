import type { Command } from '../command.js'

/** RFC 1939 §5. */
export const noop: Command = {
  verb: 'NOOP',
  states: ['transaction'],
  run(session) {
    return session.ok('Here')
  },
}
