import addressparser from 'nodemailer/lib/addressparser'
import MailComposer from 'nodemailer/lib/mail-composer'
import { formatAddress, tryParseAddress } from '../core/address.js'
import { describeError, MailError } from '../core/error.js'
import { formatDate } from '../message/date.js'
import type { CheckedMessage } from './check-message.js'

/** A mailbox of an address field. */
export interface Mailbox {
  /** Display name, `''` for none. */
  readonly name: string
  /** In wire form. */
  readonly address: string
}

/** What the address options of a message name. */
export interface Addressees {
  readonly from: readonly Mailbox[]
  readonly to: readonly Mailbox[]
  readonly cc: readonly Mailbox[]
  readonly bcc: readonly Mailbox[]
  readonly replyTo: readonly Mailbox[]
}

/** A checked message that is to be composed. */
export type ComposedMessage = Exclude<CheckedMessage, { raw: unknown }>

/**
 * Reads the address options of a message.
 * @throws MailError `ADDRESS_INVALID` naming the option.
 */
export function readAddressees(message: ComposedMessage): Addressees {
  return {
    from: readMailboxes('from', message.from),
    to: readMailboxes('to', message.to),
    cc: readMailboxes('cc', message.cc),
    bcc: readMailboxes('bcc', message.bcc),
    replyTo: readMailboxes('replyTo', message.replyTo),
  }
}

function readMailboxes(option: string, given: string | readonly string[] | undefined): Mailbox[] {
  const texts = typeof given === 'string' ? [given] : (given ?? [])
  return texts.flatMap(text => {
    const found = addressparser(text, { flatten: true })
    // A parser that forgives reads two addresses with a comma forgotten between them as one.
    if (found.length !== countAts(text)) throw invalid(option, text)
    return found.map(({ name, address }) => {
      const parsed = tryParseAddress(address)
      if (!parsed) throw invalid(option, address || text)
      return { name, address: formatAddress(parsed) }
    })
  })
}

/** How many `@` a field has outside of quoted strings and comments (RFC 5322 §3.2): one a mailbox. */
function countAts(text: string): number {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, '').replace(/\([^()]*\)/g, '')
  return bare.split('@').length - 1
}

function invalid(option: string, text: string): MailError {
  const got = JSON.stringify(text.length > 100 ? `${text.slice(0, 99)}…` : text)
  const expected = "mailboxes such as 'alice@example.test' or 'Alice <alice@example.test>'"
  return new MailError('ADDRESS_INVALID', `send: ${option}: got ${got}, expected ${expected}`)
}

/**
 * Composes a message; `Bcc:` is left out. No path or URL in it is ever read.
 * @throws MailError `MESSAGE_INVALID`.
 */
export async function composeMessage(
  message: ComposedMessage,
  addressees: Addressees,
  stamp: { readonly messageId: string; readonly now: number },
): Promise<Buffer> {
  const { headers = {}, attachments = [], text, html } = message
  const own = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  const composer = new MailComposer({
    from: [...addressees.from],
    // RFC 5322 §3.6.2: of several authors, one sends; it is the one that bounces go to.
    ...(addressees.from.length > 1 && addressees.from[0] && { sender: addressees.from[0] }),
    to: [...addressees.to],
    cc: [...addressees.cc],
    replyTo: [...addressees.replyTo],
    subject: message.subject,
    inReplyTo: message.inReplyTo,
    references: message.references,
    messageId: own.get('message-id') ?? stamp.messageId,
    date: own.get('date') ?? formatDate(stamp.now),
    headers: Object.entries(headers).map(([key, value]) => ({ key, value })),
    text: text && withCrlf(text),
    html: html && withCrlf(html),
    attachments: attachments.map(({ content, contentId, ...rest }) => ({
      ...rest,
      content: typeof content === 'string' ? content : Buffer.from(content),
      ...(contentId !== undefined && { cid: contentId }),
    })),
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: 'win',
  })
  try {
    return await composer.compile().build()
  } catch (thrown) {
    throw new MailError('MESSAGE_INVALID', `send: cannot be composed: ${describeError(thrown)}`, {
      cause: thrown,
    })
  }
}

function withCrlf(text: string): string {
  return text.replace(/\r\n|\r|\n/g, '\r\n')
}
