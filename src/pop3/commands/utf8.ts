import type { Command } from '../command.js'

/**
 * RFC 6856 §2. Changes nothing here: names and passwords are UTF-8 in any case, and messages are sent as they were
 * received whether their header holds UTF-8 or not.
 */
export const utf8: Command = {
  verb: 'UTF8',
  states: ['authorization'],
  run(session, argument) {
    return argument === '' ? session.ok('UTF-8 it is') : session.reject('UTF8 takes no argument')
  },
}
