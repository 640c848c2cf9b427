import type { MessageHeader } from './header.js'
import { parseParameterized } from './mime-parameters.js'
import type { MailAddress, ParsedMessage } from './parsed-message.js'
import type { MimePart } from './structure.js'

/** What the text of a plain message is. */
export type PlainMessage = Omit<ParsedMessage, 'headers' | 'date'>

/**
 * Reads what can be read in one way only: a message of one text, or of a text and its HTML, in ASCII or UTF-8, with
 * addresses that need no second look. Most mail that an app sends is of this kind, and it saves loading mailparser, of
 * which the result is the same. `undefined` for any other message.
 */
export function readPlainMessage(bytes: Buffer, root: MimePart): PlainMessage | undefined {
  const { header } = root
  const texts = readTexts(bytes, root)
  if (!texts || singleFields.some(name => header.all(name).length > 1)) return undefined
  const [from, to, cc, bcc, replyTo] = addressFields.map(name => readAddresses(header, name))
  const subject = readField(header, 'subject', anyText)
  const messageId = readField(header, 'message-id', oneId)
  const inReplyTo = readField(header, 'in-reply-to', oneId)
  const references = readField(header, 'references', manyIds)
  if (!from || !to || !cc || !bcc || !replyTo) return undefined
  if (subject === false || messageId === false || inReplyTo === false || references === false)
    return undefined
  return {
    from,
    to,
    cc,
    bcc,
    replyTo,
    references: references === '' ? [] : references.split(/[ \t]+/),
    attachments: [],
    ...texts,
    ...(subject !== '' && { subject }),
    ...(messageId !== '' && { messageId }),
    ...(inReplyTo !== '' && { inReplyTo }),
  }
}

const addressFields = ['from', 'to', 'cc', 'bcc', 'reply-to'] as const
const contentFields = ['content-type', 'content-transfer-encoding']
const singleFields = [
  ...addressFields,
  ...contentFields,
  'subject',
  'message-id',
  'in-reply-to',
  'references',
]

/** Without encoded words (RFC 2047), which are decoded nowhere here, and without control characters. */
const anyText = /^(?!.*=\?)[^\p{Cc}\ufffd]*$/u
const oneId = /^<[\w.!#$%&'*+/=?^`{|}~@-]+>$/
const manyIds = /^<[\w.!#$%&'*+/=?^`{|}~@-]+>(?:[ \t]+<[\w.!#$%&'*+/=?^`{|}~@-]+>)*$/

/** The value of a field, `''` for none, `false` for one that is not as expected. */
function readField(header: MessageHeader, name: string, expected: RegExp): string | false {
  const value = header.get(name)?.value ?? ''
  return value === '' || expected.test(value) ? value : false
}

/** A mailbox with or without a name (RFC 5322 §3.4) in which nothing is commented, escaped, quoted or encoded inside. */
const mailbox =
  /^(?:(?:(?<name>[A-Za-z0-9]+(?: [A-Za-z0-9]+)*)|"(?<quoted>[A-Za-z0-9]+(?:[ .,-]+[A-Za-z0-9]+)*)") <(?<address>[^<>]+)>|(?<bare>[^<>]+))$/
const plainAddress =
  /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@(?!.*xn--)[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i
/** Between mailboxes, not in a quoted name. */
const comma = /,[ \t]*(?=(?:[^"]*"[^"]*")*[^"]*$)/

function readAddresses(header: MessageHeader, field: string): MailAddress[] | undefined {
  const value = header.get(field)?.value ?? ''
  if (value === '') return []
  // The search for commas outside of quotes is quadratic.
  if (value.length > 1_000) return undefined
  const found = value.split(comma).map(readMailbox)
  return found.every(each => each !== undefined) ? found : undefined
}

function readMailbox(text: string): MailAddress | undefined {
  const { name, quoted, address, bare } = mailbox.exec(text)?.groups ?? {}
  const spec = address ?? bare ?? ''
  return plainAddress.test(spec) ? { name: name ?? quoted ?? '', address: spec } : undefined
}

/** The text of a part that is all of the message, or of both parts of a multipart/alternative. */
function readTexts(bytes: Buffer, root: MimePart): { text?: string; html?: string } | undefined {
  if (root.type !== 'multipart') return readText(bytes, root)
  const [plain, html, ...more] = root.children
  const isPair = plain?.subtype === 'plain' && html?.subtype === 'html' && more.length === 0
  if (root.subtype !== 'alternative' || !isPair || !isPlainlyParted(bytes, root)) return undefined
  const first = readText(bytes, plain)
  const second = readText(bytes, html)
  // mailparser makes a line break of an empty part.
  return first?.text && second?.html ? { ...first, ...second } : undefined
}

/** Whether the boundary of two parts is seen three times, and no line ends where another reader has none. */
function isPlainlyParted(bytes: Buffer, { parameters, bodyStart }: MimePart): boolean {
  const body = bytes.toString('latin1', bodyStart)
  return body.split(`--${parameters.get('boundary') ?? ''}`).length === 4 && !/\r(?!\n)/.test(body)
}

function readText(bytes: Buffer, part: MimePart): { text?: string; html?: string } | undefined {
  const { header, type, subtype } = part
  if (type !== 'text' || (subtype !== 'plain' && subtype !== 'html')) return undefined
  if (header.fields.some(({ name }) => isOtherContentField(name.toLowerCase()))) return undefined
  // What the field says, or leaves out, is read by the structure as it can be; here it must be plain.
  const { value = '' } = header.get('content-type') ?? {}
  const { parameters } = parseParameterized(value)
  const { charset = 'utf-8', ...others } = Object.fromEntries(parameters)
  if (Object.keys(others).length > 0 || !/^(?:utf-?8|us-ascii)$/i.test(charset)) return undefined
  if (value !== '' && !/^text\/(?:plain|html)(?:; *charset="?[\w-]+"?)?$/i.test(value)) return undefined
  const content = decode(bytes.subarray(part.bodyStart, part.bodyEnd), part.encoding)
  if (content === undefined) return undefined
  const text = content.toString().replace(/\r?\n/g, '\n')
  return text === '' ? {} : subtype === 'plain' ? { text } : { html: text }
}

/** Such as `Content-Disposition`, which makes an attachment of a text. */
function isOtherContentField(name: string): boolean {
  return name.startsWith('content-') && !contentFields.includes(name)
}

/** Undoes a Content-Transfer-Encoding (RFC 2045 §6); `undefined` where the octets are not what it allows. */
function decode(body: Buffer, encoding: string): Buffer | undefined {
  if (encoding === '7bit' || encoding === '8bit' || encoding === 'binary') return body
  const text = body.toString('latin1')
  if (encoding === 'base64') {
    const letters = text.replace(/\r\n/g, '')
    const isWhole = letters.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(letters)
    return isWhole ? Buffer.from(letters, 'base64') : undefined
  }
  // Blanks at the ends of lines are no part of the text (§6.7), and not worth being exact about here.
  if (encoding !== 'quoted-printable' || /=(?![0-9A-F]{2}|\r\n)|[ \t](?:\r?\n|$)|\r(?!\n)/.test(text))
    return undefined
  const octets = text
    .replace(/=\r\n/g, '')
    .replace(/=(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(octets, 'latin1')
}
