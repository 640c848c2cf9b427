import type { Command } from '../command.js'
import { namedMessage } from '../message-number.js'
import { sendMessage } from '../message-response.js'

/** RFC 1939 §5. */
export const retr: Command = {
  verb: 'RETR',
  states: ['transaction'],
  run(session, argument) {
    const message = namedMessage(session, argument)
    return message && sendMessage(session, message)
  },
}
