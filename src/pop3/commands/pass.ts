import type { Command } from '../command.js'
import { logIn } from '../login.js'

/** RFC 1939 §7. Everything behind the first space is the password, spaces included. */
export const pass: Command = {
  verb: 'PASS',
  states: ['authorization'],
  run(session, argument) {
    const { username } = session
    session.username = undefined
    if (username === undefined) return session.reject('USER comes first')
    if (argument === '') return session.reject('A password is needed')
    return logIn(session, { username, password: argument })
  },
}
