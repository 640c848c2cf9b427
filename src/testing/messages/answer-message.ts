import type { OutgoingAttachment, OutgoingMessage } from '../../queue/outgoing-message.js'
import type { TestMessage } from './test-message.js'

/** Options of `message.reply()`. */
export interface ReplyOptions {
  /** Who answers. Default: the recipient that the message went to, the first where there are several. */
  from?: string
  /** Default: `Thanks!`, and the message quoted below it. */
  text?: string
  html?: string
  /** Whether everyone named in To and Cc gets it too. Default: `false`. */
  all?: boolean
  /** Default: `Re: ` and the subject. */
  subject?: string
  attachments?: readonly OutgoingAttachment[]
  /** Further header fields. */
  headers?: Readonly<Record<string, string>>
}

/** Options of `message.forward()`. */
export interface ForwardOptions extends Omit<ReplyOptions, 'all'> {
  to: string | readonly string[]
}

/** The reply that a mail program writes: where it goes, and which thread it belongs to. */
export function replyTo(message: TestMessage, options: ReplyOptions): OutgoingMessage {
  const from = options.from ?? ownAddress(message)
  const authors = message.replyTo.length > 0 ? message.replyTo : message.from
  const to = authors.length > 0 ? authors.map(({ address }) => address) : [message.sender]
  const { text = `Thanks!\n\n${quoted(message)}`, all = false } = options
  const cc = all ? othersOf(message, [from, ...to]) : []
  return {
    from,
    to,
    ...(cc.length > 0 && { cc }),
    subject: options.subject ?? prefixed('Re', message.subject),
    text,
    ...threadOf(message),
    ...extras(options),
  }
}

/** The message passed on, with the original as an attachment. */
export function forwardOf(message: TestMessage, options: ForwardOptions): OutgoingMessage {
  const original = { filename: 'original.eml', content: message.raw, contentType: 'message/rfc822' }
  return {
    from: options.from ?? ownAddress(message),
    to: options.to,
    subject: options.subject ?? prefixed('Fwd', message.subject),
    text: options.text ?? `Forwarded:\n\n${quoted(message)}`,
    ...threadOf(message),
    ...extras(options),
    attachments: [original, ...(options.attachments ?? [])],
  }
}

function extras({ html, headers, attachments }: ReplyOptions) {
  return {
    ...(html !== undefined && { html }),
    ...(headers && { headers }),
    ...(attachments && { attachments }),
  }
}

function ownAddress(message: TestMessage): string {
  return message.recipient ?? message.recipients[0] ?? ''
}

function othersOf({ to, cc }: TestMessage, known: readonly string[]): string[] {
  const left = new Set(known.map(address => address.toLowerCase()))
  return [...to, ...cc].map(({ address }) => address).filter(address => !left.has(address.toLowerCase()))
}

/** RFC 5322 §3.6.4: the parent's References, or its In-Reply-To, and then the parent itself. */
function threadOf({ messageId, references, inReplyTo }: TestMessage) {
  if (messageId === undefined) return {}
  const before = references.length > 0 ? references : inReplyTo === undefined ? [] : [inReplyTo]
  return { inReplyTo: messageId, references: [...before, messageId] }
}

function prefixed(prefix: string, subject: string): string {
  return new RegExp(`^${prefix}:`, 'i').test(subject) ? subject : `${prefix}: ${subject}`
}

function quoted({ text }: TestMessage): string {
  return text
    .trimEnd()
    .split('\n')
    .map(line => `> ${line}`)
    .join('\n')
}
