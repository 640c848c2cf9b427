import { formatDuration } from '../core/duration.js'
import { formatDate } from '../message/date.js'
import { describeReply } from '../smtp/reply.js'
import { originalRecipient } from './delivery-status.js'
import type { DsnContent, DsnKind, DsnRecipient } from './dsn.js'
import { dsnStatus } from './dsn-status.js'
import { addressText, remoteText, wrapText } from './remote-text.js'

/** What a DSN is about, in its subject. */
export const subjects: Readonly<Record<DsnKind, string>> = {
  failed: 'Your message could not be delivered',
  delayed: 'Your message is delayed',
  delivered: 'Your message was delivered',
  relayed: 'Your message was passed on',
  expanded: 'Your message was sent on to several addresses',
}

const openings: Readonly<Record<DsnKind, string>> = {
  failed: 'Your message could not be delivered to:',
  delayed: 'Your message could not be delivered yet to:',
  delivered: 'Your message was delivered to:',
  relayed: 'Your message was passed on to a server that may not report what becomes of it, for:',
  expanded: 'Your message was sent on to the several addresses that this one stands for:',
}

const advice: Readonly<Record<DsnKind, string>> = {
  failed:
    'It will not be tried again. Check the address, then send the message once more, or reach the recipient in another way. If you need help, give this whole message to your postmaster.',
  delayed:
    'You need not do anything: it will be tried again and again. You will be told when it is given up. Do not send the message once more.',
  delivered: 'You get this message because you asked to be told.',
  relayed: 'You get this message because you asked to be told.',
  expanded:
    'You get this message because you asked to be told. You will not be told of the addresses where it arrives.',
}

/** Plain words for `subject.detail` of an enhanced status code (RFC 3463 §3). */
const meanings: ReadonlyMap<string, string> = new Map([
  ['1.1', 'There is no such address at its domain.'],
  ['1.2', 'The domain of the address does not exist, or takes no mail.'],
  ['1.3', 'The address is not written as the server expects.'],
  ['1.6', 'The recipient has moved and left no new address.'],
  // RFC 7505 §4.
  ['1.10', 'The domain of the address takes no mail.'],
  ['2.1', 'The mailbox takes no messages now.'],
  ['2.2', 'The mailbox is full.'],
  ['2.3', 'The message is too large for the mailbox.'],
  ['3.4', 'The message is too large for the server.'],
  ['4.1', 'The mail server of the recipient does not answer.'],
  ['4.2', 'The connection to the mail server of the recipient broke.'],
  ['4.3', 'The mail server of the recipient could not be looked up.'],
  ['4.4', 'The mail server of the recipient could not be found.'],
  ['4.6', 'The message went in a circle.'],
  ['4.7', 'The message grew too old.'],
  ['7.1', 'The server refused the message by its rules.'],
  // RFC 8689 §5.
  ['7.10', 'The message may only travel encrypted, and the way to the recipient is not known to be.'],
  ['7.30', 'The message may only travel encrypted, and the server of the recipient does not promise that.'],
])

/**
 * The person's part of a DSN: what happened, to whom, why, and what to do; lines end in CRLF. What servers said stands
 * behind `>`, on lines of its own. `subject` is that of the message, where it can be read.
 */
export function explainDsn(content: DsnContent, subject: string | undefined): string {
  const { kind, hostname, arrivedAt, recipients } = content
  const lines = [`This is the mail server ${remoteText(hostname)}.`, '', openings[kind], '']
  for (const recipient of recipients) lines.push(...explainRecipient(content, recipient), '')
  lines.push(...wrapText(advice[kind]), '', 'The message:', '')
  if (subject !== undefined) lines.push(...wrapText(`Subject: ${remoteText(subject)}`, '  '))
  lines.push(
    `  Arrived here: ${formatDate(arrivedAt)}`,
    '',
    'A report for programs and the message, or its header, follow.',
  )
  return `${lines.join('\r\n')}\r\n`
}

function explainRecipient(content: DsnContent, told: DsnRecipient): string[] {
  const { recipient, attempt, willRetryUntil } = told
  const written = originalRecipient(recipient.originalRecipient)?.address
  const origin =
    written === undefined || written === recipient.address ? '' : ` (you wrote to ${addressText(written)})`
  const lines = [`  ${addressText(recipient.address)}${origin}`]
  if (content.kind !== 'failed' && content.kind !== 'delayed') return lines
  lines.push(...wrapText(reasonOf(content, told), '    '))
  if (willRetryUntil !== undefined) lines.push(`    It will be tried until ${formatDate(willRetryUntil)}.`)
  const said = attempt.reply ? describeReply(attempt.reply) : attempt.reason
  lines.push(...wrapText(attempt.reply ? `${serverName(told)} said:` : 'What happened:', '    '))
  return [...lines, ...wrapText(remoteText(said), '      > ')]
}

function reasonOf(content: DsnContent, told: DsnRecipient): string {
  const [, ...detail] = dsnStatus(content.kind, told).split('.')
  if (told.attempt.status === 'unknown') {
    return withDuration(
      content,
      told,
      'The mail server of the recipient took the message but never said whether it keeps it. It may have arrived, even more than once.',
    )
  }
  const unknown = told.attempt.reply
    ? 'The server refused the message.'
    : 'The message could not be handed on.'
  const meaning =
    meanings.get(detail.join('.')) ?? (detail[0] === '7' ? meanings.get('7.1') : undefined) ?? unknown
  return withDuration(content, told, meaning)
}

function withDuration(content: DsnContent, told: DsnRecipient, meaning: string): string {
  if (content.kind !== 'failed' || !told.expired) return meaning
  return `${meaning} It was tried for ${formatDuration(content.now - content.arrivedAt)}.`
}

function serverName({ attempt: { host, address } }: DsnRecipient): string {
  const name = remoteText(host ?? address ?? 'The server')
  return host !== undefined && address !== undefined ? `${name} (${remoteText(address)})` : name
}
