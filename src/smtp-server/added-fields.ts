import type { Envelope } from '../core/envelope.js'
import { formatDate } from '../message/date.js'
import type { MessageHeader } from '../message/header.js'
import { formatReceived } from '../message/received.js'
import type { Session } from './session.js'
import type { Transaction } from './transaction.js'

/**
 * What is put on top of a message: the fields that policies gave, `Received:` (RFC 5321 §4.4), for a submission those it
 * lacks, and the end of the header where a message has none. Not a byte of the message itself is changed.
 */
export function addedFields(
  session: Session,
  transaction: Transaction,
  envelope: Envelope,
  header: MessageHeader,
  policyFields: readonly string[],
): string {
  const receivedAt = session.server.settings.clock.now()
  const [only, second] = envelope.recipients
  const received = formatReceived({
    hostname: session.server.settings.hostname,
    remoteAddress: session.origin.peer.remoteAddress,
    kind: session.origin.kind,
    extended: session.extended,
    id: transaction.traceId,
    receivedAt,
    hello: session.hello,
    tls: session.tls,
    account: session.account?.id,
    smtputf8: envelope.smtputf8,
    recipient: second ? undefined : only?.address,
  })
  let fields = deliveredTo(transaction)
  for (const field of [...transaction.headers, ...policyFields]) fields += `${field}\r\n`
  const ours = session.account ? submissionFields(session, transaction, header, receivedAt) : ''
  return `${fields}${received}${ours}${beginsWithText(header) ? '\r\n' : ''}`
}

/**
 * `Delivered-To:` for a message that an alias sends on for its one recipient, so that it is known when it comes back.
 * With more recipients it would tell one of the others.
 */
function deliveredTo({ recipients }: Transaction): string {
  const forwarder = forwarderOf(recipients)
  return forwarder === undefined ? '' : `Delivered-To: ${forwarder}\r\n`
}

/** Whether a message that is to be sent on was here before for the same recipient. */
export function comesBack({ recipients }: Transaction, header: MessageHeader): boolean {
  const forwarder = forwarderOf(recipients)?.toLowerCase()
  if (forwarder === undefined) return false
  return header.all('Delivered-To').some(({ value }) => value.toLowerCase() === forwarder)
}

/** The recipient whom an alias sends elsewhere, where there is no other. */
function forwarderOf(recipients: Transaction['recipients']): string | undefined {
  const [only, second] = recipients.values()
  const forwards = only && !second && !only.route.relay && only.route.remote.length > 0
  return forwards ? only.recipient.address : undefined
}

/**
 * Whether a message begins with its text, without a header and the empty line behind it. Its text would read as part of
 * the header that is put on top of it, so that nobody would see it.
 */
function beginsWithText({ fields }: MessageHeader): boolean {
  return fields[0]?.name === ''
}

/** The fields a submission must have and may leave to the server (RFC 6409 §8.1, §8.2). */
function submissionFields(
  session: Session,
  transaction: Transaction,
  header: MessageHeader,
  receivedAt: number,
): string {
  const date = header.get('Date') ? '' : `Date: ${formatDate(receivedAt)}\r\n`
  const id = `Message-ID: <${transaction.traceId}@${session.server.settings.hostname}>\r\n`
  return date + (header.get('Message-ID') ? '' : id)
}
