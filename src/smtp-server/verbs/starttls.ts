import { serverReplies } from '../replies.js'
import type { Verb } from '../verb.js'

/** STARTTLS (RFC 3207). */
export const startTls: Verb = (session, argument) => {
  if (argument !== '') return session.reply(serverReplies.noArgument)
  if (session.tls) return session.reply(serverReplies.alreadySecure)
  if (!session.origin.offersTls) return session.reply(serverReplies.notImplemented)
  if (session.hello === undefined) return session.reply(serverReplies.helloFirst)
  session.reply(serverReplies.startTls)
  session.deadlines.set('handshake', session.server.settings.timeouts.handshake)
  session.wire.startTls()
}
