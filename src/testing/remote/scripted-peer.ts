import type net from 'node:net'
import tls from 'node:tls'
import type { Peer } from '../../core/network.js'
import { inOrder } from './in-order.js'
import { PacedWriter } from './paced-writer.js'
import { PeerInput } from './peer-input.js'
import type { PeerServer, PeerTls } from './peer-server.js'
import { PeerTransaction } from './peer-transaction.js'
import { chunkSize, isLastChunk, type Occasion, readOccasion } from './script.js'
import { unstuffDots } from './unstuff-dots.js'

/** The server's side of one connection. */
export class ScriptedPeer {
  /** Command lines as they came. */
  readonly commands: string[] = []
  /** What came in one piece each, messages left out. */
  readonly pieces: string[] = []
  /** Messages as they came: after DATA dots still doubled, without the final dot; of BDAT all chunks in one. */
  readonly messages: Buffer[] = []
  /** What the client answered while it authenticated, in base64 as it came. */
  readonly authAnswers: string[] = []
  /** Both ends of the connection, as the network knows them. */
  readonly ends: Peer
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
  /** Octets the client let itself be told by {@link ScriptedPeer.flood}. */
  flooded = 0
  /** @internal */
  readonly transaction: PeerTransaction
  /** @internal */
  readonly server: PeerServer
  readonly #raw: net.Socket
  readonly #out: PacedWriter
  readonly #in: PeerInput
  #socket: net.Socket
  #tls: PeerTls | undefined
  #occasion: Occasion | undefined
  /** Whether the server has ended the connection. */
  #isOver = false
  /** Octets that are still read before the connection is dropped. */
  #allowance = Number.POSITIVE_INFINITY

  /** @internal */
  constructor(socket: net.Socket, ends: Peer, server: PeerServer) {
    this.server = server
    this.ends = ends
    this.#raw = socket
    this.#socket = socket
    this.#out = new PacedWriter(server.clock, bytes => this.#socket.write(bytes))
    this.#in = new PeerInput({
      onCommand: line => {
        this.commands.push(line)
        return this.#obey(readOccasion(line))
      },
      onMessage: message => {
        this.#handOver(message, unstuffDots(message))
        return inOrder([() => this.answerMessage(), () => this.transaction.forget()], action => action())
      },
      onFailure: () => this.drop(),
    })
    this.transaction = new PeerTransaction(message =>
      server.take({ ...message, peer: this, at: server.clock.now() }),
    )
    this.closed = new Promise(resolve => socket.once('close', () => resolve()))
    this.closed.then(() => this.#out.stop())
    this.#attach(socket)
  }

  /** @internal */
  greet(): void {
    this.#in.begin(() => this.#act({ point: 'greeting', line: '', argument: this.ends.remoteAddress }))
  }

  /** What the reply to EHLO offers. */
  get extensions(): readonly string[] {
    return this.server.extensionsFor(this)
  }

  /** Address in the last MAIL that was taken; `undefined` between messages. */
  get sender(): string | undefined {
    return this.transaction.sender
  }

  /** Addresses in the RCPT that were taken since. */
  get recipients(): readonly string[] {
    return this.transaction.recipients
  }

  /** Whether the connection is encrypted. */
  get secure(): boolean {
    return this.#socket instanceof tls.TLSSocket
  }

  /** How the connection is encrypted, if it is; known from the handshake on. */
  get tls(): PeerTls | undefined {
    return this.#tls
  }

  /** Says lines; CRLF is added to each. */
  say(lines: readonly string[]): void {
    this.write(lines.map(line => `${line}\r\n`).join(''))
    this.#note(lines.at(-1) ?? '')
  }

  /** Writes octets as they are. */
  write(bytes: string | Uint8Array): void {
    this.#out.write(Buffer.from(bytes as Uint8Array))
  }

  /** Says a line and resolves to the client's next one, which then counts as no command. */
  ask(line: string): Promise<string> {
    this.write(`${line}\r\n`)
    return this.#in.nextLine()
  }

  /** Resets the connection; that of a unix socket can only be closed. */
  drop(): void {
    this.#isOver = true
    if (this.#raw.remoteFamily === undefined) this.#raw.destroy()
    else this.#raw.resetAndDestroy()
  }

  /** Ends the connection, after all that was said before. */
  end(): void {
    this.#isOver = true
    this.#out.finish(() => this.#socket.end())
  }

  /** Says one octet per `interval` milliseconds from now on. */
  slowDown(interval: number): void {
    this.#out.pace = interval
  }

  /** Resets the connection once `count` more octets have come. */
  dropAfterReceiving(count: number): void {
    this.#allowance = count
  }

  /** Ends the connection once `count` more octets were said; the rest is never said. */
  dropAfterSending(count: number): void {
    this.#out.cutAfter(count, () => this.#socket.end(() => this.#raw.destroy()))
  }

  /** Says `bytes` when the client says anything more, whatever that is. */
  retort(bytes: string): void {
    this.#socket.removeAllListeners('data')
    this.#socket.once('data', () => this.write(bytes))
  }

  /** Stops reading, so that the client feels back pressure. */
  stopReading(): void {
    this.#socket.pause()
  }

  /** Ends {@link ScriptedPeer.stopReading}. */
  resumeReading(): void {
    this.#socket.resume()
  }

  /** Says go ahead and encrypts; `injected` leaves in the clear in the same write. */
  startTls(injected = '', options = this.server.tlsOptions()): void {
    this.#socket.removeAllListeners('data')
    this.write(`220 2.0.0 Go ahead\r\n${injected}`)
    this.encrypt(options)
  }

  /** Goes over to TLS without a word. */
  encrypt(options = this.server.tlsOptions()): void {
    this.#socket.removeAllListeners('data')
    const secure = new tls.TLSSocket(this.#socket, { isServer: true, ...options })
    this.#socket = secure
    secure.once('secure', () => {
      this.#tls = describeTls(secure)
    })
    this.#in.clear()
    this.#attach(secure)
  }

  /** Says `chunk` over and over, as fast as the client takes it. */
  flood(chunk: string): void {
    const more = () => {
      while (!this.#socket.destroyed) {
        this.flooded += chunk.length
        if (!this.#socket.write(chunk)) break
      }
    }
    this.#socket.on('drain', more)
    more()
  }

  #attach(socket: net.Socket): void {
    socket.on('error', () => {})
    socket.on('data', chunk => this.#read(chunk))
  }

  #read(chunk: Buffer): void {
    const taken = chunk.subarray(0, this.#allowance)
    this.#allowance -= taken.length
    if (!this.#in.inMessage) this.pieces.push(taken.toString())
    this.#in.push(taken)
    if (this.#allowance === 0) this.drop()
  }

  /** Does what the end of a message calls for. @internal */
  answerMessage(): unknown {
    const whole: Occasion = {
      point: 'dot',
      line: '',
      argument: this.transaction.handed?.raw.toString() ?? '',
    }
    const occasions =
      this.server.protocol === 'smtp'
        ? [whole]
        : this.recipients.map((recipient): Occasion => ({ ...whole, recipient }))
    return inOrder(occasions, occasion => (this.#isOver ? undefined : this.#act(occasion)))
  }

  #obey(occasion: Occasion): unknown {
    const { point, argument, line } = occasion
    if (point !== 'BDAT') return this.#act(occasion)
    // A server that knows no BDAT takes what follows for commands.
    if (!this.extensions.some(one => one.toUpperCase() === 'CHUNKING'))
      return this.#act({ point: 'unknown', argument, line })
    const size = chunkSize(argument)
    return size === undefined ? this.say(['501 5.5.4 BDAT size [LAST]']) : this.#readChunk(size, occasion)
  }

  async #readChunk(size: number, occasion: Occasion): Promise<void> {
    const chunk = await this.#in.octets(size)
    const isLast = isLastChunk(occasion.argument)
    if (!this.transaction.isOutOfOrder('BDAT')) {
      this.transaction.addChunk(chunk)
      if (isLast) this.#handOver(this.transaction.joinChunks())
    }
    await this.#act(occasion)
    if (isLast) this.transaction.forget()
  }

  #handOver(message: Buffer, raw = message): void {
    this.messages.push(message)
    this.transaction.handOver(raw)
  }

  #act(occasion: Occasion): unknown {
    this.#occasion = occasion
    return this.server.act(this, occasion)
  }

  /** Keeps in mind what the reply that ends with `line` means for the transaction. */
  #note(line: string): void {
    if (line.startsWith('354')) this.#in.inMessage = true
    if (this.#occasion) this.transaction.note(this.#occasion, line.startsWith('2'))
  }
}

function describeTls(socket: tls.TLSSocket): PeerTls {
  const { servername } = socket as tls.TLSSocket & { servername?: string | false }
  return {
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher().name,
    servername: servername || '',
  }
}
