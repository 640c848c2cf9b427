import type { Command } from '../command.js'

/** RFC 1939 §7. Says the same for every name, so that nobody learns which exist. */
export const user: Command = {
  verb: 'USER',
  states: ['authorization'],
  run(session, argument) {
    if (!session.mayLogIn) return session.reject('Encryption is needed before a password')
    if (argument === '') return session.reject('A name is needed')
    session.username = argument
    return session.ok('Send the password')
  },
}
