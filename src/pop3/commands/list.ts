import type { Command } from '../command.js'
import { sendListing } from '../listing.js'
import type { DropMessage } from '../maildrop.js'
import { namedMessage } from '../message-number.js'

/** RFC 1939 §5. */
export const list: Command = {
  verb: 'LIST',
  states: ['transaction'],
  run(session, argument) {
    if (argument === '') return sendListing(session, 'Numbers and octets follow', scanListing)
    const message = namedMessage(session, argument)
    return message && session.ok(scanListing(message))
  },
}

function scanListing({ number, outline }: DropMessage): string {
  return `${number} ${outline.size}`
}
