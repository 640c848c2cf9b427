import type { Envelope } from '../../core/envelope.js'
import type { MessageHeader } from '../../message/header.js'
import { parseHeader, readHeader } from '../../message/header.js'
import { parseMessage } from '../../message/parse-message.js'
import type { Attachment, MailAddress, ParsedMessage } from '../../message/parsed-message.js'
import { bytesSource } from '../../message/sources.js'
import type { Arrival } from '../recording/arrival.js'
import type { RecordedSession, TranscriptLine } from '../recording/session-log.js'

/** How a message came in by SMTP. */
export interface MessageSession {
  readonly id: string
  readonly remoteAddress: string
  /** What EHLO, HELO or LHLO named. */
  readonly helo: string
  /** Set where the connection was encrypted. */
  readonly tls?: { readonly version: string; readonly cipher: string; readonly serverName?: string }
  /** The user who logged in, if one did. */
  readonly user?: string
  /** The conversation so far, without messages and credentials. */
  readonly transcript: readonly TranscriptLine[]
}

/** What a {@link TestMessage} needs of the server that took it in. */
export interface MessageContext {
  /** The recording of a session, as long as it is kept. */
  session(id: string): RecordedSession | undefined
}

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
    const { session } = this.#arrival
    if (!session) return undefined
    return {
      id: session.id,
      remoteAddress: session.remoteAddress,
      helo: session.hello ?? '',
      ...(session.tls && { tls: session.tls }),
      ...(session.account !== undefined && { user: session.account }),
      transcript: this.context.session(session.id)?.transcript ?? [],
    }
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
}

/** What was read out of the octets of a message. */
export interface ReadMessage {
  readonly header: MessageHeader
  readonly parsed: ParsedMessage
}

const nothing: ParsedMessage = {
  from: [],
  to: [],
  cc: [],
  bcc: [],
  replyTo: [],
  references: [],
  attachments: [],
  headers: [],
}

/** Reads a message. One that cannot be parsed is as good as empty: its octets can be looked at all the same. */
export async function readMessage(bytes: Buffer): Promise<ReadMessage> {
  const source = bytesSource(bytes)
  try {
    return { header: await readHeader(source), parsed: await parseMessage(source) }
  } catch {
    return { header: parseHeader(Buffer.alloc(0)), parsed: nothing }
  }
}
