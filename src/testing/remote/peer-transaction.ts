import type { ReceivedMessage } from './peer-server.js'
import type { Occasion, ScriptPoint } from './script.js'

/** A message that came whole. */
type HandedOver = Pick<ReceivedMessage, 'sender' | 'recipients' | 'raw'>

/** A mail transaction as the server's replies have left it (RFC 5321 §3.3). */
export class PeerTransaction {
  /** Address in the last MAIL that was taken; `undefined` between messages. */
  sender: string | undefined
  /** Addresses in the RCPT that were taken since. */
  recipients: string[] = []
  /** The message that came last, in this transaction or the one before. */
  handed: HandedOver | undefined
  readonly #take: (message: HandedOver) => void
  /** What came by BDAT, if anything did. */
  #chunks: Buffer[] = []
  #isChunkRefused = false
  /** Of the message that came last: whose it was taken for, so far. */
  #takenFor: string[] | undefined

  /** @param take - is told of each message, when the first 2xx for it is said */
  constructor(take: (message: HandedOver) => void) {
    this.#take = take
  }

  /** Whether a command came that pipelining sent ahead of a refusal, or one that RFC 3030 §2 forbids here. */
  isOutOfOrder(point: ScriptPoint): boolean {
    if (point === 'RCPT') return this.sender === undefined
    if (point === 'DATA') return this.recipients.length === 0 || this.#chunks.length > 0
    return point === 'BDAT' && (this.recipients.length === 0 || this.#isChunkRefused)
  }

  /** Puts a chunk to those before it. */
  addChunk(chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  /** All chunks in one. */
  joinChunks(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** The message is whole; it is taken with the next 2xx. */
  handOver(raw: Buffer): void {
    this.handed = { sender: this.sender ?? '', recipients: this.recipients, raw }
    this.#takenFor = undefined
  }

  /** Keeps in mind what a reply to an occasion means. */
  note({ point, argument, recipient }: Occasion, accepted: boolean): void {
    if (!accepted) this.#isChunkRefused ||= point === 'BDAT'
    else if (point === 'RCPT') this.recipients.push(argument)
    else if (point === 'MAIL') this.#begin(argument)
    else if (point === 'dot' || point === 'BDAT') this.#takeFor(recipient)
    else if (endings.has(point)) this.forget()
  }

  /** Nothing is begun any more (RFC 5321 §4.1.1.5). */
  forget(): void {
    this.sender = undefined
    this.recipients = []
    this.#chunks = []
    this.#isChunkRefused = false
  }

  #begin(sender: string): void {
    this.forget()
    this.sender = sender
    this.handed = undefined
  }

  /** @param recipient - the only one the 2xx was for; else it was for all */
  #takeFor(recipient: string | undefined): void {
    const handed = this.handed
    if (!handed) return
    if (!this.#takenFor) {
      this.#takenFor = recipient === undefined ? [...handed.recipients] : [recipient]
      this.#take({ ...handed, recipients: this.#takenFor })
    } else if (recipient !== undefined) this.#takenFor.push(recipient)
  }
}

const endings: ReadonlySet<ScriptPoint> = new Set<ScriptPoint>(['EHLO', 'HELO', 'LHLO', 'RSET'])
