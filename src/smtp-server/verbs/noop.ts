import { serverReplies } from '../replies.js'
import type { Verb } from '../verb.js'

/** NOOP (RFC 5321 §4.1.1.9). Its argument is ignored. */
export const noop: Verb = session => session.reply(serverReplies.ok)
