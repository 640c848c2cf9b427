import type { Reply } from '../core/reply.js'
import { reply } from '../smtp/reply.js'
import type { MessageOutcome, StoredMessage } from './accept-message.js'
import type { Session } from './session.js'
import type { Transaction } from './transaction.js'

/** Tells the client, and whoever listens, what became of a message of `size` octets. */
export function answerMessage(
  session: Session,
  transaction: Transaction,
  size: number,
  outcome: MessageOutcome,
): void {
  if (outcome.stored) tellAccepted(session, transaction, outcome)
  else {
    session.tell('message:rejected', () => {
      const recipients = [...transaction.recipients.values()].map(each => each.recipient)
      const envelope = { ...transaction.mail, recipients }
      return { ...session.about(transaction.traceId), envelope, size, reply: outcome.reply }
    })
  }
  for (const answer of answers(session, transaction, outcome)) session.reply(answer)
}

function tellAccepted(session: Session, { traceId }: Transaction, outcome: StoredMessage): void {
  const { envelope, result, size } = outcome
  session.countMessage()
  session.server.logger.info({ traceId, size, sender: envelope.sender }, 'message accepted')
  session.tell('message:accepted', () => {
    const account = session.account ? { account: session.account.id } : {}
    return { ...session.about(traceId), envelope, size, result, ...account }
  })
}

/** One reply in SMTP; in LMTP one for each RCPT that was taken, duplicates included, in their order (RFC 2033 §4.2). */
function answers(session: Session, transaction: Transaction, outcome: MessageOutcome): Reply[] {
  const answer = outcome.stored
    ? reply(250, '2.0.0', `OK, accepted as ${transaction.traceId}`)
    : outcome.reply
  if (session.origin.kind !== 'lmtp') return [answer]
  const refused = outcome.stored ? outcome.refused : undefined
  return transaction.taken.map(each => refused?.get(each) ?? answer)
}
