import type { Command } from '../command.js'
import { namedMessage } from '../message-number.js'
import { sendMessage } from '../message-response.js'
import { MessageTop } from '../message-top.js'

/** RFC 1939 §7. */
export const top: Command = {
  verb: 'TOP',
  states: ['transaction'],
  run(session, argument) {
    const [, number, lines] = /^(\S+) (\d{1,9})$/.exec(argument) ?? []
    if (number === undefined || lines === undefined)
      return session.reject('TOP takes a message and a number of lines')
    const message = namedMessage(session, number)
    return message && sendMessage(session, message, new MessageTop(Number(lines)))
  },
}
