import { reply } from '../../smtp/reply.js'
import type { Verb } from '../verb.js'

const text = reply(214, '2.0.0', [
  'Commands: EHLO HELO LHLO STARTTLS AUTH MAIL RCPT DATA RSET NOOP VRFY HELP QUIT',
  'See RFC 5321',
])

/** HELP (RFC 5321 §4.1.1.8). */
export const help: Verb = session => session.reply(text)
