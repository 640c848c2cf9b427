import { addressKey } from '../../core/address.js'
import type { EnvelopeRecipient } from '../../core/envelope.js'
import { MailError } from '../../core/error.js'
import type { Reply } from '../../core/reply.js'
import type { Route } from '../../routing/router.js'
import { replies, reply } from '../../smtp/reply.js'
import { checkQuota } from '../check-quota.js'
import { hasPolicy, judgeByPolicies } from '../consult-policies.js'
import { isRefused } from '../mail-parameters.js'
import { parsePathArgument, readMailbox } from '../parse-path.js'
import { readRecipientParameters } from '../recipient-parameters.js'
import { serverReplies } from '../replies.js'
import type { Session } from '../session.js'
import type { Transaction } from '../transaction.js'
import type { Verb } from '../verb.js'

const cannotForward = reply(451, '4.3.5', 'This server has no way to forward mail')

/** RCPT (RFC 5321 §4.1.1.3): a recipient is routed, and taken or refused, at once. */
export const rcpt: Verb = (session, argument) => {
  const { transaction } = session
  if (!transaction) return session.reply(serverReplies.mailFirst)
  const parsed = parsePathArgument('TO', argument)
  if (!parsed) return session.reply(serverReplies.badSyntax)
  const parameters = readRecipientParameters(session, parsed.parameters)
  if (isRefused(parameters)) return session.reply(parameters.refused)
  // RFC 5321 §4.5.1: the one address without a domain.
  if (/^postmaster$/i.test(parsed.path)) {
    return take(session, transaction, 'postmaster', { address: 'postmaster', ...parameters })
  }
  const mailbox = readMailbox(parsed.path, transaction.mail.smtputf8 === true)
  if (mailbox.status === 'needs-smtputf8') return session.reply(serverReplies.needsSmtpUtf8)
  if (mailbox.status === 'invalid') return session.reply(serverReplies.badRecipient)
  return take(session, transaction, addressKey(mailbox.address), { address: mailbox.wire, ...parameters })
}

function take(
  session: Session,
  transaction: Transaction,
  key: string,
  recipient: EnvelopeRecipient,
): void | Promise<void> {
  const { recipients } = transaction
  const before = recipients.get(key)
  if (before) {
    transaction.taken.push(before)
    return session.reply(serverReplies.recipientOk)
  }
  if (recipients.size >= session.server.settings.limits.recipients) {
    return session.reply(serverReplies.tooManyRecipients)
  }
  return routeRecipient(session, transaction, key, recipient)
}

async function routeRecipient(
  session: Session,
  transaction: Transaction,
  key: string,
  recipient: EnvelopeRecipient,
): Promise<void> {
  const route = await session.handlers.ask('router', () => session.server.router.route(recipient.address))
  const refusal = refusalOf(session, route) ?? (await judge(session, transaction, recipient, route))
  if (session.ended) return
  if (route.kind === 'accept' && refusal === undefined) {
    const routed = { recipient, route }
    transaction.recipients.set(key, routed)
    transaction.taken.push(routed)
    return session.reply(serverReplies.recipientOk)
  }
  const answer = refusal ?? replies.noSuchUser
  session.tell('recipient:rejected', () => ({
    ...session.about(transaction.traceId),
    sender: transaction.mail.sender,
    recipient: recipient.address,
    reply: answer,
  }))
  session.reply(answer)
}

/** Why a route cannot be taken: nobody is there, the client may not relay, or there is no queue to relay with. */
function refusalOf(session: Session, route: Route): Reply | undefined {
  if (route.kind === 'reject') return route.reply
  if (route.kind !== 'accept') {
    throw new MailError('DRIVER_CONTRACT', 'router: answered with something that is no route')
  }
  if (route.relay && !(session.mayRelay && session.server.delivers)) return replies.relayDenied
  return route.remote.length > 0 && !session.server.delivers ? cannotForward : undefined
}

async function judge(
  session: Session,
  transaction: Transaction,
  recipient: EnvelopeRecipient,
  route: Route,
): Promise<Reply | undefined> {
  if (hasPolicy(session, 'rcpt')) {
    const outcome = await judgeByPolicies(session, 'rcpt', (policy, view) =>
      policy.rcpt?.(view, transaction.mail, recipient),
    )
    if (outcome.action === 'refuse') return outcome.reply
    if (outcome.action === 'drop') {
      session.cut('policy')
      return undefined
    }
    transaction.headers.push(...outcome.headers)
  }
  return route.kind === 'accept' ? checkQuota(session, route, transaction.declaredSize) : undefined
}
