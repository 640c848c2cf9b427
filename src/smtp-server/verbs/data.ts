import { MessageReceiver } from '../receive-message.js'
import { serverReplies } from '../replies.js'
import type { Verb } from '../verb.js'

/** DATA (RFC 5321 §4.1.1.4). What follows goes to a {@link MessageReceiver}. */
export const data: Verb = (session, argument) => {
  const { transaction } = session
  if (!transaction) return session.reply(serverReplies.mailFirst)
  if (argument !== '') return session.reply(serverReplies.noArgument)
  if (transaction.recipients.size === 0) return session.reply(serverReplies.recipientFirst)
  session.reply(serverReplies.startMail)
  session.wire.receiveData(new MessageReceiver(session, transaction))
}
