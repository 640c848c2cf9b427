import type { Command } from '../command.js'
import { sendListing } from '../listing.js'
import type { DropMessage } from '../maildrop.js'
import { namedMessage } from '../message-number.js'

/** RFC 1939 §7. */
export const uidl: Command = {
  verb: 'UIDL',
  states: ['transaction'],
  run(session, argument) {
    const { maildrop } = session
    const lineOf = (message: DropMessage) => `${message.number} ${maildrop.uniqueId(message)}`
    if (argument === '') return sendListing(session, 'Numbers and unique ids follow', lineOf)
    const message = namedMessage(session, argument)
    return message && session.ok(lineOf(message))
  },
}
