import type { Reply } from '../core/reply.js'
import { reply } from '../smtp/reply.js'
import type { MessageOutcome, StoredMessage } from './accept-message.js'
import type { ReceiptTimes } from './events.js'
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
      const times = receiptTimes(session, transaction)
      return { ...session.about(transaction.traceId), envelope, size, times, reply: outcome.reply }
    })
  }
  session.reply(...answers(session, transaction, outcome))
}

function tellAccepted(session: Session, transaction: Transaction, outcome: StoredMessage): void {
  const { traceId } = transaction
  const { envelope, result, size } = outcome
  session.countMessage()
  session.server.logger.info({ traceId, size, sender: envelope.sender }, 'message accepted')
  session.tell('message:accepted', () => {
    const account = session.account ? { account: session.account.id } : {}
    const times = receiptTimes(session, transaction)
    return { ...session.about(traceId), envelope, size, times, result, ...account }
  })
}

function receiptTimes(session: Session, { startedAt, dataAt = startedAt }: Transaction): ReceiptTimes {
  return { startedAt, dataAt, endedAt: session.server.settings.clock.now() }
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
