import { type MessageHeader, readHeader } from '../message/header.js'
import type { MessageSource } from '../message/message-source.js'
import { parseParameterized } from '../message/mime-parameters.js'
import { bytesSource, readAll } from '../message/sources.js'
import { type MimePart, parseStructure } from '../message/structure.js'
import { decodePart } from './decode-part.js'
import { exactStatus, messageIdIn, type ParsedDsn, readDeliveryStatus } from './read-delivery-status.js'
import { readPlainBounce, readPlainReasons } from './read-plain-bounce.js'

/** Octets of a delivery-status part, and of a returned header, that are read. */
const largestPart = 1024 * 1024
/** Octets of the words for a person that are read. */
const largestText = 64 * 1024

/** A DSN has three parts; what is built of more than these is read no further. */
const limits = { parts: 50, depth: 5 }

/**
 * Reads a delivery status notification of any server (RFC 3464, RFC 6533), and the bounces of those that write none:
 * OpenSMTPD's, which are a `multipart/mixed`, and the plain text of qmail, old Sendmails and of `X-Failed-Recipients:`. `undefined` for
 * a message that is none. Never fails for what is in the message: what cannot be read is left out. Memory and time are
 * bounded, whatever it says.
 */
export async function parseDsn(source: MessageSource): Promise<ParsedDsn | undefined> {
  const header = await readHeader(source)
  const type = parseParameterized(header.get('content-type')?.value ?? '').value
  if (type.startsWith('multipart/')) return readReport(source, header, type === 'multipart/report')
  return type === '' || type === 'text/plain' ? readPlain(source, header) : undefined
}

async function readReport(
  source: MessageSource,
  header: MessageHeader,
  isReport: boolean,
): Promise<ParsedDsn | undefined> {
  const parts = leaves((await parseStructure(source, limits)).root)
  const status = parts.find(part => part.type === 'message' && statusTypes.has(part.subtype))
  const words = parts.find(part => part.type === 'text' && part.subtype === 'plain')
  const text = words ? await readText(source, words) : ''
  const report = status
    ? readDeliveryStatus(await decodePart(source, status, largestPart))
    : readPlainBounce(text, header.get('x-failed-recipients')?.value)
  if (!report || (!isReport && (!status || report.recipients.length === 0))) return undefined
  const messageId = await originalMessageId(source, parts.find(isReturned))
  return withReasons(messageId === undefined ? report : { ...report, originalMessageId: messageId }, text)
}

/** The parts that hold no others, in their order: gateways wrap reports to put a notice on them. */
function leaves(part: MimePart): readonly MimePart[] {
  return part.children.length === 0 ? [part] : part.children.flatMap(leaves)
}

/** Where the fields for programs leave the reason out, the words for a person may have it. */
function withReasons(report: ParsedDsn, text: string): ParsedDsn {
  const lacks = report.recipients.some(recipient => !recipient.diagnostic)
  const reasons = lacks ? readPlainReasons(text) : undefined
  if (!reasons || reasons.size === 0) return report
  const recipients = report.recipients.map(recipient => {
    const reason = reasons.get(recipient.finalRecipient?.address ?? '')
    const fits = reason !== undefined && !recipient.diagnostic
    if (!fits) return recipient
    const status = exactStatus(recipient.status, reason)
    return { ...recipient, ...(status !== undefined && { status }), diagnostic: { type: '', text: reason } }
  })
  return { ...report, recipients }
}

async function readText(source: MessageSource, part: MimePart): Promise<string> {
  return Buffer.from(await decodePart(source, part, largestText)).toString()
}

async function readPlain(source: MessageSource, header: MessageHeader): Promise<ParsedDsn | undefined> {
  const range = { start: header.size, end: Math.min(source.size, header.size + largestText) }
  const body = await readAll({ size: range.end - range.start, open: () => source.open(range) })
  return readPlainBounce(body.toString(), header.get('x-failed-recipients')?.value)
}

const statusTypes = new Set(['delivery-status', 'global-delivery-status'])
const returnedTypes = new Set([
  'message/rfc822',
  'message/global',
  'message/global-headers',
  // Not registered, and sent all the same.
  'message/rfc822-headers',
  'text/rfc822-headers',
])

function isReturned(part: MimePart): boolean {
  return returnedTypes.has(`${part.type}/${part.subtype}`)
}

async function originalMessageId(
  source: MessageSource,
  part: MimePart | undefined,
): Promise<string | undefined> {
  if (!part) return undefined
  const header = await readHeader(bytesSource(await decodePart(source, part, largestPart)))
  return messageIdIn(header.get('message-id')?.value)
}
