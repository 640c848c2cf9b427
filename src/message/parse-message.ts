import { Readable } from 'node:stream'
import type { AddressObject, EmailAddress, Attachment as ParsedAttachment, ParsedMail } from 'mailparser'
import { describeError, MailError } from '../core/error.js'
import { type MessageHeader, readHeader } from './header.js'
import type { MessageSource } from './message-source.js'
import type { Attachment, MailAddress, ParsedMessage } from './parsed-message.js'
import { type PlainMessage, readPlainMessage } from './read-plain-message.js'
import { readAll } from './sources.js'
import { parseStructure } from './structure.js'

/** What a message for people stays below by far, and a parser takes in its stride. */
const limits = { parts: 1000, depth: 100, headerSize: 1024 * 1024 }

const parserOptions = {
  keepCidLinks: true,
  keepDeliveryStatus: true,
  ignoreEmbedded: true,
  skipTextToHtml: true,
  // Half a megabyte of nested quotes keeps the conversion busy for minutes and makes 180 MB of text.
  skipHtmlToText: true,
  checksumAlgo: false,
  maxChildNodes: limits.parts,
  maxHeadSize: limits.headerSize,
} as const

/**
 * Parses a message for people to read. Holds its text and attachments in memory. What the message holds is told and
 * nothing is made up: no text out of HTML, and messages inside it are attachments.
 * @throws MailError `MESSAGE_INVALID` for a message that cannot be parsed, or only at the cost of others: more than
 * 1,000 parts, 100 levels or 1 MiB of headers. Its bytes can be read all the same.
 */
export async function parseMessage(source: MessageSource): Promise<ParsedMessage> {
  const structure = await parseStructure(source, limits)
  if (!structure.complete) {
    throw new MailError('MESSAGE_INVALID', 'the message has too many parts, levels or headers to be parsed')
  }
  const header = await readHeader(source)
  const plain = readPlainMessage(await readAll(source), structure.root)
  return withHeader(plain ?? toPlainMessage(await parseMail(source)), header)
}

async function parseMail(source: MessageSource): Promise<ParsedMail> {
  // Loaded at the first message that needs it: it takes as long as all the rest of a mail server together.
  const { simpleParser } = await import('mailparser')
  try {
    return await simpleParser(Readable.from(source.open(), { objectMode: false }), parserOptions)
  } catch (error) {
    if (error instanceof MailError) throw error
    const why = `the message cannot be parsed: ${describeError(error)}`
    throw new MailError('MESSAGE_INVALID', why, { cause: error })
  }
}

/** What nobody but us reads: the fields as they are, and no date where there is none. */
function withHeader(message: PlainMessage, header: MessageHeader): ParsedMessage {
  const date = readDate(header)
  return {
    ...message,
    headers: header.fields
      .filter(field => field.name !== '')
      .map(field => ({ name: field.name.toLowerCase(), value: field.value })),
    ...(date && { date }),
  }
}

function toPlainMessage(mail: ParsedMail): PlainMessage {
  return {
    from: toAddresses(mail.from),
    to: toAddresses(mail.to),
    cc: toAddresses(mail.cc),
    bcc: toAddresses(mail.bcc),
    replyTo: toAddresses(mail.replyTo),
    references: typeof mail.references === 'string' ? [mail.references] : (mail.references ?? []),
    attachments: mail.attachments.map(toAttachment),
    ...defined({
      subject: mail.subject,
      messageId: mail.messageId,
      inReplyTo: mail.inReplyTo,
      text: mail.text || undefined,
      html: mail.html || undefined,
    }),
  }
}

/** Not mailparser's, which is the current time for a date that is none. */
function readDate(header: MessageHeader): Date | undefined {
  const date = new Date(header.get('date')?.value ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? undefined : date
}

function toAddresses(found: AddressObject | AddressObject[] | undefined): MailAddress[] {
  return [found ?? []].flat().flatMap(object => object.value.flatMap(toMailboxes))
}

function toMailboxes(entry: EmailAddress): MailAddress[] {
  if (entry.group) return entry.group.flatMap(toMailboxes)
  return entry.address ? [{ name: entry.name, address: entry.address }] : []
}

function toAttachment(part: ParsedAttachment): Attachment {
  return {
    contentType: part.contentType,
    content: part.content,
    ...defined({
      filename: part.filename,
      disposition: part.contentDisposition,
      contentId: part.contentId,
    }),
  }
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

/** The properties that have a value. */
function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(entry => entry[1] !== undefined)) as Defined<T>
}
