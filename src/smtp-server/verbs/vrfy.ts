import { serverReplies } from '../replies.js'
import type { Verb } from '../verb.js'

/** VRFY (RFC 5321 §3.5.3): never tells who exists. */
export const vrfy: Verb = (session, argument) =>
  session.reply(argument === '' ? serverReplies.badSyntax : serverReplies.cannotVerify)

/** EXPN (RFC 5321 §3.5.3): lists are nobody's business. */
export const expn: Verb = session => session.reply(serverReplies.notImplemented)
