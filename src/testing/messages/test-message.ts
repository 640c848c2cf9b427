import type { Envelope } from '../../core/envelope.js'
import { MailError } from '../../core/error.js'
import type { MessageHeader } from '../../message/header.js'
import type { Attachment, MailAddress } from '../../message/parsed-message.js'
import type { SentMessage } from '../../queue/outgoing-message.js'
import type { Arrival } from '../recording/arrival.js'
import { snapshotOf } from '../snapshots/snapshot-of.js'
import { type ForwardOptions, forwardOf, type ReplyOptions, replyTo } from './answer-message.js'
import { type CalendarPart, findCalendars } from './calendar.js'
import { findCodes } from './codes.js'
import { findLink, findLinks, htmlToText, type MessageLink } from './links.js'
import { type LintProblem, lintMessage } from './lint-message.js'
import { type ListUnsubscribe, oneClickBody, readListUnsubscribe } from './list-unsubscribe.js'
import { fetchOf, type MessageContext } from './message-context.js'
import { type MessageSession, sessionOf } from './message-session.js'
import type { ReadMessage } from './read-message.js'
import { judgeMessage, type Verdicts } from './verdicts.js'

/** A message that arrived, as a test wants it. */
export class TestMessage {
  /** Follows the message through events and queue. */
  readonly traceId: string
  /** Its place among all arrivals, from 1 on. As a cursor: what came after it. */
  readonly number: number
  /** Epoch milliseconds, on the clock of the server. */
  readonly receivedAt: number
  /** What SMTP said of it. */
  readonly envelope: Envelope
  /** The octets exactly as they were sent: no `Received:` and nothing else added. */
  readonly raw: Buffer
  readonly header: MessageHeader
  /** The recipient that this copy is for, where copies were counted: `per: 'recipient'`. */
  readonly recipient: string | undefined
  protected readonly context: MessageContext
  readonly #arrival: Arrival
  readonly #read: ReadMessage

  constructor(arrival: Arrival, read: ReadMessage, context: MessageContext, recipient?: string) {
    this.#arrival = arrival
    this.#read = read
    this.context = context
    this.traceId = arrival.traceId
    this.number = arrival.number
    this.receivedAt = arrival.receivedAt
    this.envelope = arrival.envelope
    this.raw = arrival.bytes
    this.header = read.header
    this.recipient = recipient
  }

  /** The same message as the copy for one of its recipients. */
  copyFor(recipient: string): TestMessage {
    return new TestMessage(this.#arrival, this.#read, this.context, recipient)
  }

  /** The reverse-path of MAIL; `''` for bounces. */
  get sender(): string {
    return this.envelope.sender
  }

  /** Addresses of RCPT in their order, each once, those of Bcc included. */
  get recipients(): readonly string[] {
    return this.envelope.recipients.map(({ address }) => address)
  }

  /** Recipients that neither To nor Cc names. */
  get hiddenRecipients(): readonly string[] {
    const named = new Set([...this.to, ...this.cc].map(({ address }) => address.toLowerCase()))
    return this.recipients.filter(address => !named.has(address.toLowerCase()))
  }

  /** How it came in; `undefined` for what no client brought, such as a bounce. */
  get session(): MessageSession | undefined {
    return sessionOf(this.#arrival, this.context)
  }

  /** Decoded; `''` where there is none. */
  get subject(): string {
    return this.#read.parsed.subject ?? ''
  }

  get from(): readonly MailAddress[] {
    return this.#read.parsed.from
  }

  get to(): readonly MailAddress[] {
    return this.#read.parsed.to
  }

  get cc(): readonly MailAddress[] {
    return this.#read.parsed.cc
  }

  get replyTo(): readonly MailAddress[] {
    return this.#read.parsed.replyTo
  }

  get date(): Date | undefined {
    return this.#read.parsed.date
  }

  /** With its angle brackets. */
  get messageId(): string | undefined {
    return this.#read.parsed.messageId
  }

  get inReplyTo(): string | undefined {
    return this.#read.parsed.inReplyTo
  }

  get references(): readonly string[] {
    return this.#read.parsed.references
  }

  /** Of the plain text parts, decoded; `''` where there are none. */
  get text(): string {
    return this.#read.parsed.text ?? ''
  }

  /** Of the HTML parts, decoded; `''` where there are none. */
  get html(): string {
    return this.#read.parsed.html ?? ''
  }

  get attachments(): readonly Attachment[] {
    return this.#read.parsed.attachments
  }

  /** Links of the HTML in their order, then those that stand in the text alone. */
  get links(): readonly MessageLink[] {
    return findLinks(this.html, this.text)
  }

  /**
   * The first link whose address or text fits: a string is a part of either.
   * @throws MailError `NO_SUCH_LINK`, naming the links that there are.
   */
  link(match: string | RegExp): MessageLink {
    return findLink(this.links, match)
  }

  /** What looks like a code to be typed in, those near a word such as "code" first. */
  get codes(): readonly string[] {
    return findCodes(this.text === '' ? htmlToText(this.html) : this.text)
  }

  /** Invitations and answers to them (RFC 5545, 5546). */
  get calendars(): readonly CalendarPart[] {
    return findCalendars(this.attachments)
  }

  /** How its reader leaves the list (RFC 2369, RFC 8058); `undefined` where it does not say. */
  get listUnsubscribe(): ListUnsubscribe | undefined {
    return readListUnsubscribe(this.header)
  }

  /** What RFC 5322 and RFC 8058 find wrong with it; nothing, for a message that is right. */
  lint(): LintProblem[] {
    return lintMessage({
      header: this.header,
      raw: this.raw,
      smtputf8: this.envelope.smtputf8 ?? false,
    })
  }

  /**
   * What SPF, DKIM and DMARC say, by the records in `mail.dns` and at the time of `mail.clock`. Needs the package mailauth.
   * @param from - for SPF: the client's address. Default: that of the session, `127.0.0.1`.
   * @throws MailError `DRIVER_MISSING`.
   */
  verdicts({ from }: { from?: string } = {}): Promise<Verdicts> {
    const { raw, sender, session, context } = this
    const { remoteAddress = '127.0.0.1', helo = 'localhost' } = session ?? {}
    const { hostname, dns } = context
    const by = { remoteAddress: from ?? remoteAddress, helo, hostname, now: context.now() }
    return judgeMessage({ raw, sender, ...by }, dns)
  }

  /**
   * Answers as its recipient, in the same thread (RFC 5322 §3.6.4), through the queue of the test mail.
   * @throws MailError as `queue.send` does.
   */
  reply(options: ReplyOptions = {}): Promise<SentMessage> {
    return this.context.send(replyTo(this, options))
  }

  /** Passes it on as its recipient, with the original attached, in the same thread. @throws MailError as `queue.send` does. */
  forward(options: ForwardOptions): Promise<SentMessage> {
    return this.context.send(forwardOf(this, options))
  }

  /**
   * Follows a link with the option `fetch` of the test mail.
   * @param match - as {@link TestMessage.link} takes it, or a link
   * @throws MailError `NO_SUCH_LINK`; `OPTION_INVALID` without that option; what `fetch` throws.
   */
  async click(match: string | RegExp | MessageLink, init?: RequestInit): Promise<Response> {
    const { url } = typeof match === 'object' && 'url' in match ? match : this.link(match)
    return fetchOf(this.context, 'click')(url, init)
  }

  /**
   * Leaves the list by one click, as a mail program does (RFC 8058 §3.2).
   * @throws MailError `NO_SUCH_LINK` for a message that offers no such way; `OPTION_INVALID` without the option `fetch`.
   */
  async unsubscribe(): Promise<Response> {
    const { url, oneClick } = this.listUnsubscribe ?? {}
    if (url === undefined || !oneClick) {
      throw new MailError('NO_SUCH_LINK', 'the message cannot be unsubscribed from by one click (RFC 8058)')
    }
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    return fetchOf(this.context, 'unsubscribe')(url, { method: 'POST', headers, body: oneClickBody })
  }

  /** The message without what differs from run to run, as text for a snapshot. */
  snapshot(): string {
    return snapshotOf(this)
  }

  /** Everything that happened to it, from its session to the last attempt, as lines. */
  trace(): string {
    return this.context.trace(this.traceId)
  }
}
