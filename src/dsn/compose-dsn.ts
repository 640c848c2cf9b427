import { newTraceId } from '../core/trace.js'
import { formatDate } from '../message/date.js'
import { foldTokens, formatField } from '../message/fold.js'
import { type MessageHeader, readHeader } from '../message/header.js'
import type { MessageSource } from '../message/message-source.js'
import { bytesSource, concatSources } from '../message/sources.js'
import { formatDeliveryStatus } from './delivery-status.js'
import type { DsnContent } from './dsn.js'
import { explainDsn, subjects } from './explanation.js'
import { encodeQuotedPrintable } from './quoted-printable.js'
import { isAscii } from './remote-text.js'
import { type DsnPart, returnedMessage } from './returned-message.js'

/**
 * Composes a delivery status notification (RFC 3464): a multipart/report with words for a person, fields for a program,
 * and the message or its header. With SMTPUTF8 its machine parts are those of RFC 6533.
 *
 * The message comes back whole in a failure whose `ret` is `full`, up to 1 MiB, as a stream over its source; otherwise
 * its header does. What servers said is bounded and cannot leave its place. Everything but a whole message that is
 * 8bit itself, and the machine parts of SMTPUTF8, is 7bit.
 */
export async function composeDsn(content: DsnContent): Promise<MessageSource> {
  const original = await readHeader(content.message)
  const parts = [
    explanation(content, original),
    deliveryStatus(content),
    await returnedMessage(content, original),
  ]
  // Drawn anew, so that nobody could have put it into the message before.
  const boundary = `=_${newTraceId()}`
  const header = dsnHeader(content, original, boundary, parts)
  const sources = [bytesSource(header)]
  for (const part of parts) sources.push(bytesSource(partHeader(part, boundary)), part.body)
  return concatSources([...sources, bytesSource(`\r\n--${boundary}--\r\n`)])
}

function explanation(content: DsnContent, original: MessageHeader): DsnPart {
  const subject = original.get('subject')?.value
  // Encoded words say nothing to a reader here; the returned header has the subject.
  const text = explainDsn(content, subject?.includes('=?') ? undefined : subject)
  if (isAscii(text))
    return { contentType: 'text/plain; charset=us-ascii', encoding: '7bit', body: bytesSource(text) }
  const body = bytesSource(encodeQuotedPrintable(Buffer.from(text)))
  return { contentType: 'text/plain; charset=utf-8', encoding: 'quoted-printable', body }
}

function deliveryStatus(content: DsnContent): DsnPart {
  const text = formatDeliveryStatus(content)
  return {
    contentType: `message/${reportType(content)}`,
    encoding: isAscii(text) ? '7bit' : '8bit',
    body: bytesSource(text),
  }
}

function reportType({ smtputf8 }: DsnContent): string {
  return smtputf8 ? 'global-delivery-status' : 'delivery-status'
}

function partHeader({ contentType, encoding }: DsnPart, boundary: string): string {
  return `\r\n--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`
}

function dsnHeader(content: DsnContent, original: MessageHeader, boundary: string, parts: DsnPart[]): string {
  const { hostname, kind, traceId, now, to } = content
  const contentType = ['multipart/report;', `report-type=${reportType(content)};`, `boundary="${boundary}"`]
  const thread = threadOf(original)
  return [
    formatField('From', `Mail Delivery System <MAILER-DAEMON@${hostname}>`),
    formatField('To', `<${to}>`),
    formatField('Subject', subjects[kind]),
    formatField('Date', formatDate(now)),
    formatField('Message-ID', `<${traceId}@${hostname}>`),
    thread.inReplyTo === undefined ? '' : formatField('In-Reply-To', thread.inReplyTo),
    thread.references.length === 0 ? '' : foldTokens('References:', thread.references),
    // RFC 3834 §5.1.1: a response to one message. Keeps others from answering it.
    formatField('Auto-Submitted', 'auto-replied'),
    formatField('MIME-Version', '1.0'),
    foldTokens('Content-Type:', contentType),
    formatField('Content-Transfer-Encoding', parts.some(part => part.encoding === '8bit') ? '8bit' : '7bit'),
  ].join('')
}

/** The last so many of a thread's message ids are named. */
const longestThread = 10

function threadOf(original: MessageHeader): { inReplyTo: string | undefined; references: string[] } {
  const inReplyTo = messageIds(original.get('message-id')?.value)[0]
  const earlier = messageIds(original.get('references')?.value)
  return {
    inReplyTo,
    references: [...earlier, ...(inReplyTo === undefined ? [] : [inReplyTo])].slice(-longestThread),
  }
}

/** Message ids in a field of somebody else: printable ASCII, of bounded length (RFC 5322 §3.6.4). */
function messageIds(value = ''): string[] {
  return value.match(/<[!-;=?-~]{1,250}>/g) ?? []
}
