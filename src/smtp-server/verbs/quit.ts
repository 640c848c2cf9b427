import { serverReplies } from '../replies.js'
import type { Verb } from '../verb.js'

/** QUIT (RFC 5321 §4.1.1.10). */
export const quit: Verb = session => session.hangUp(serverReplies.bye, 'quit')
