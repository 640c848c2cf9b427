import type { Address } from '../../core/address.js'
import type { Envelope } from '../../core/envelope.js'
import { newTraceId } from '../../core/trace.js'
import { replies } from '../../smtp/reply.js'
import { consultPolicies, hasPolicy } from '../consult-policies.js'
import { isRefused, type MailParameters, readMailParameters } from '../mail-parameters.js'
import { mayAccountSendAs } from '../may-send-as.js'
import { parsePathArgument, readMailbox } from '../parse-path.js'
import { serverReplies } from '../replies.js'
import type { Session } from '../session.js'
import type { Verb } from '../verb.js'

/** MAIL (RFC 5321 §4.1.1.2): begins a transaction. */
export const mail: Verb = (session, argument) => {
  if (session.hello === undefined) return session.reply(serverReplies.helloFirst)
  if (session.transaction) return session.reply(serverReplies.nestedMail)
  // RFC 6409 §4.3.
  if (session.origin.kind === 'submission' && !session.account)
    return session.reply(serverReplies.authRequired)
  const parsed = parsePathArgument('FROM', argument)
  if (!parsed) return session.reply(serverReplies.badSyntax)
  const parameters = readMailParameters(session, parsed.parameters)
  if (isRefused(parameters)) return session.reply(parameters.refused)
  if (parameters.size > session.server.settings.limits.messageSize) return session.reply(replies.tooLarge)
  if (parsed.path === '') return begin(session, '', undefined, parameters)
  const mailbox = readMailbox(parsed.path, parameters.mail.smtputf8 === true)
  if (mailbox.status === 'needs-smtputf8') return session.reply(serverReplies.needsSmtpUtf8)
  if (mailbox.status === 'invalid') return session.reply(serverReplies.badSender)
  return begin(session, mailbox.wire, mailbox.address, parameters)
}

function begin(
  session: Session,
  sender: string,
  address: Address | undefined,
  parameters: MailParameters,
): void | Promise<void> {
  const envelope = { sender, ...parameters.mail }
  const asks = address !== undefined && session.account?.maySendAs !== undefined
  if (asks || hasPolicy(session, 'mail')) return checkSender(session, envelope, address, parameters.size)
  open(session, envelope, parameters.size, [])
}

type Mail = Omit<Envelope, 'recipients'>

async function checkSender(
  session: Session,
  envelope: Mail,
  address: Address | undefined,
  size: number,
): Promise<void> {
  if (address && !(await mayAccountSendAs(session, address)))
    return session.reply(serverReplies.senderNotYours)
  const headers = await consultPolicies(session, 'mail', (policy, view) => policy.mail?.(view, envelope))
  if (headers) open(session, envelope, size, headers)
}

function open(session: Session, mail: Mail, declaredSize: number, headers: readonly string[]): void {
  session.transaction = {
    traceId: newTraceId(),
    mail,
    declaredSize,
    recipients: new Map(),
    taken: [],
    headers: [...session.headers, ...headers],
    startedAt: session.server.settings.clock.now(),
  }
  session.deadlines.set('transaction', session.server.settings.timeouts.transaction)
  session.reply(serverReplies.senderOk)
}
