import { type HeaderField, headerOf } from '../../message/header.js'
import type { Attachment } from '../../message/parsed-message.js'
import type { TestMessage } from '../messages/test-message.js'
import { decodeWords } from './decode-words.js'
import { Names } from './names.js'

/**
 * A message as text that is the same in every run: dates, ids, boundaries and signatures have names in their place, the
 * same one for the same id. Parts stand decoded, a line a line, so that the difference between two can be read.
 */
export function snapshotOf(message: TestMessage): string {
  const names = new Names()
  const body = (title: string, text: string) =>
    text === '' ? '' : section(title, [names.replaceIn(text).trimEnd()])
  const parts = [
    section('envelope', [
      `from ${names.replaceIn(`<${message.sender}>`)}`,
      ...message.recipients.map(to => `to <${to}>`),
    ]),
    section('header', fieldLines(message.header.fields, names)),
    body('text', message.text),
    body('html', message.html),
    ...message.attachments.map(attachment => attachmentSection(attachment, names)),
  ]
  return `${parts.filter(part => part !== '').join('\n\n')}\n`
}

/** Fields that say how the parts travel, which stand decoded here. */
const transport = new Set(['content-transfer-encoding', 'mime-version'])

function section(title: string, lines: readonly string[]): string {
  return [`── ${title}`, ...lines].join('\n')
}

function fieldLines(fields: readonly HeaderField[], names: Names): string[] {
  return fields
    .filter(({ name }) => !transport.has(name.toLowerCase()))
    .map(({ name, value }) => `${name}: ${names.replaceIn(shownValue(name, value))}`)
}

function shownValue(name: string, value: string): string {
  switch (name.toLowerCase()) {
    case 'date':
      return '<date>'
    case 'dkim-signature':
    case 'arc-seal':
    case 'arc-message-signature':
      return value.replace(/\b(bh?|t|x)=[^;]*/g, '$1=<…>')
    case 'received':
      return '<received>'
    case 'content-type':
      return value.replace(/(boundary=)("[^"]*"|[^;\s]+)/i, '$1<boundary>')
    default:
      return decodeWords(value)
  }
}

function attachmentSection({ filename, contentType, content }: Attachment, names: Names): string {
  const type = contentType.toLowerCase()
  // Messages and invitations have ids and dates in them, which are not of one length.
  const size = /^message\/|^text\/(?:calendar|rfc822-headers)$/.test(type) ? '' : `, ${content.length} octets`
  const title = `attachment ${filename ?? 'without name'}, ${contentType}${size}`
  return section(title, contentLines(type, Buffer.from(content), names))
}

/** Of text only. */
function contentLines(contentType: string, content: Buffer, names: Names): string[] {
  const text = () => content.toString().replace(/\r\n/g, '\n').trimEnd()
  if (contentType === 'message/rfc822' || contentType === 'text/rfc822-headers') {
    return messageLines(content, names)
  }
  if (contentType === 'text/calendar') return [names.replaceIn(withoutStamps(text(), names))]
  return /^text\/|^message\/|json$|xml$/.test(contentType) ? [names.replaceIn(text())] : []
}

const boundary = /\bboundary=(?:"([^"\r\n]*)"|([^;\s"]+))/gi

/** A message inside the message, such as the one that a bounce returns. */
function messageLines(content: Buffer, names: Names): string[] {
  const header = headerOf(content)
  const boundaries = new Set(
    Array.from(content.toString().matchAll(boundary), ([, one, other]) => one ?? other),
  )
  const body = content
    .subarray(header.size)
    .toString()
    .replace(/\r\n/g, '\n')
    .replace(boundary, 'boundary=<boundary>')
    .replace(/^--(.*?)(--)?$/gm, (line, name, end = '') =>
      boundaries.has(name) ? `--<boundary>${end}` : line,
    )
    .trimEnd()
  return [...fieldLines(header.fields, names), ...(body === '' ? [] : ['', names.replaceIn(body)])]
}

/** When an invitation was written, and its id; when it is for, is what counts (RFC 5545 §3.8.4.7, §3.8.7). */
function withoutStamps(calendar: string, names: Names): string {
  return calendar
    .replace(/^(DTSTAMP|CREATED|LAST-MODIFIED)([;:]).*$/gim, '$1:<date>')
    .replace(/^UID:(.*)$/gim, (_, id) => `UID:<${names.of(id)}>`)
}
