import { serverReplies } from '../replies.js'
import type { Verb } from '../verb.js'

/** RSET (RFC 5321 §4.1.1.5): ends the transaction; hello, TLS and login stay. */
export const rset: Verb = (session, argument) => {
  if (argument !== '') return session.reply(serverReplies.noArgument)
  session.reply(serverReplies.ok)
  session.reset()
}
