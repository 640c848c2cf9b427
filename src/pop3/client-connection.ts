import type net from 'node:net'
import tls from 'node:tls'
import type { Clock, Timer } from '../core/clock.js'
import { MailError } from '../core/error.js'
import { joinOutput, keepOutput } from './joined-output.js'
import { LineReader, type overlong } from './line-reader.js'

/**
 * Longest line taken, for AUTH exchanges: what RFC 4954 §4 asks of SMTP servers; POP3 names no number. Commands are
 * held to less (`command-line.ts`).
 */
const longestLine = 12_288
/** Replies gather up to here before they are written. */
const fullOutput = 64 * 1024
/** How long a client may take to close its side after we closed ours. */
const lingerTime = 5_000

/**
 * One client's socket as lines in and replies out. Reads only when asked to, so a client that does not take its
 * replies is not read from. Replies gather until the commands of one read are worked off, and leave in one write.
 */
export class ClientConnection {
  readonly #clock: Clock
  readonly #onClose: () => void
  readonly #reader = new LineReader(longestLine)
  #socket: net.Socket
  #output: (string | Uint8Array)[] = []
  #outputSize = 0
  #flushing = false
  #ended = false
  #linger: Timer | undefined
  /** Wakes the one waiting for this connection: it is either read from or written to, never both at once. */
  #wake = noMatter
  readonly #changed = () => this.#wake()
  readonly #onEnd = () => {
    this.#ended = true
    this.#wake()
  }
  closed = false

  constructor(socket: net.Socket, clock: Clock, onClose: () => void) {
    this.#socket = socket
    this.#clock = clock
    this.#onClose = onClose
    this.#attach(socket)
  }

  /** The next line that has arrived, or `undefined`. */
  nextLine(): Buffer | typeof overlong | undefined {
    return this.#reader.next()
  }

  /**
   * Has `work` work off the lines whenever some may have come, in the turn in which they came. What comes while a
   * promise of `work` is pending, which must not reject, waits. Resolves when there will be no more input, or the
   * connection was ended.
   */
  serve(work: () => Promise<void> | undefined): Promise<void> {
    return new Promise(resolve => {
      const look = () => {
        this.#wake = noMatter
        while (this.#takeInput()) {
          const pending = work()
          if (pending) return void pending.then(look)
        }
        if (this.#isOver) resolve()
        else this.#wake = look
      }
      look()
    })
  }

  #takeInput(): boolean {
    const chunk: Buffer | null = this.#isOver ? null : this.#socket.read()
    if (chunk !== null) this.#reader.push(chunk)
    return chunk !== null
  }

  /** There is nothing more to be read, or nobody who wants to. */
  get #isOver(): boolean {
    return this.closed || this.#ended || this.#linger !== undefined
  }

  /** Adds to the output. Strings are UTF-8. */
  write(data: string | Uint8Array): void {
    if (this.closed || data.length === 0) return
    this.#output.push(data)
    this.#outputSize += data.length
  }

  /** Whether the client should take what it was sent before it gets more: await {@link drained}. */
  get full(): boolean {
    return this.#outputSize >= fullOutput || this.#socket.writableNeedDrain
  }

  /** Sends the output. */
  flush(): void {
    if (this.#outputSize === 0 || this.closed) return
    const output = this.#output
    this.#output = []
    this.#outputSize = 0
    this.#socket.write(joinOutput(output))
    if (this.#socket.writableLength > 0) keepOutput()
  }

  /** Sends what output there is at the end of this turn of the event loop, so that a slow handler does not hold it back. */
  flushSoon(): void {
    if (this.#flushing || this.#outputSize === 0) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      this.flush()
    })
  }

  /**
   * Sends the output and waits until the client has taken enough of it.
   * @throws MailError `ABORTED` when the connection is gone.
   */
  async drained(): Promise<void> {
    this.flush()
    while (!this.closed && this.#socket.writableNeedDrain) await this.#change()
    if (this.closed) throw new MailError('ABORTED', 'the client is gone', { temporary: true })
  }

  /** Forgets everything the client sent so far, lines and parts of lines. */
  discardInput(): void {
    this.#reader.clear()
    while (this.#socket.read() !== null);
  }

  /** Takes the connection into TLS as the server. Resolves to whether the handshake succeeded. */
  async startTls(secureContext: tls.SecureContext): Promise<boolean> {
    this.flush()
    const plain = this.#socket
    plain.off('readable', this.#changed).off('drain', this.#changed).off('end', this.#onEnd)
    const secure = new tls.TLSSocket(plain, { isServer: true, secureContext })
    let established = false
    this.#socket = secure
    this.#attach(secure)
    secure.once('secure', () => {
      established = true
      this.#wake()
    })
    // Without a tls.Server, a protocol error after the handshake is told by this event alone.
    secure.on('_tlsError', () => secure.destroy())
    while (!established && !this.closed) await this.#change()
    return established
  }

  /** Sends the output and ends the connection. */
  end(): void {
    if (this.#socket.destroyed || this.#linger) return
    this.flush()
    this.#socket.end()
    this.#linger = this.#clock.schedule(lingerTime, () => this.destroy())
    // The client's end of the connection is seen only by reading up to it.
    this.#socket.off('readable', this.#changed)
    this.#socket.resume()
  }

  /** Ends the connection, at once when the client has everything. */
  close(): void {
    if (this.#outputSize === 0 && this.#socket.writableLength === 0) this.destroy()
    else this.end()
  }

  /** Cuts the connection. Output that was not sent is lost. */
  destroy(): void {
    this.#socket.destroy()
  }

  #attach(socket: net.Socket): void {
    socket
      .on('readable', this.#changed)
      .on('drain', this.#changed)
      .on('error', () => {})
      .once('end', this.#onEnd)
      .once('close', () => this.#close())
  }

  #close(): void {
    if (this.closed) return
    this.closed = true
    this.#output = []
    this.#linger?.cancel()
    this.#wake()
    this.#onClose()
  }

  #change(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }
}

function noMatter(): void {}
