import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js'
import { SMTPServer } from 'smtp-server/lib/smtp-server.js'
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js'
import { describeError } from '../core/error.js'
import type { Peer } from '../core/network.js'
import type { Reply } from '../core/reply.js'
import type { TlsCredentials } from '../core/tls-credentials.js'
import { formatReply, replies } from '../smtp/reply.js'
import { CommandReader, type LineReceiver } from './command-reader.js'
import { serverReplies } from './replies.js'
import type { Session } from './session.js'
import type { DataSink, Wire } from './wire.js'

/**
 * The one place that knows smtp-server. Taken from it: the steps before a session (PROXY header, TLS handshake), the
 * upgrade of STARTTLS, and the way a connection is closed. Its subclasses here replace what is said and when: the
 * greeting without its 100 ms, commands by our verbs, data by a search for line breaks instead of a loop over bytes,
 * and the replies to one read in one write.
 */

/** How the connections of one listener are taken. */
export interface AdapterOptions {
  readonly tls: 'none' | 'starttls' | 'implicit'
  readonly credentials: TlsCredentials | undefined
  /** Whether an address is that of a proxy, whose connections begin with a PROXY header. */
  isProxy(address: string): boolean
  /** A TLS handshake or PROXY header failed, before there was a session. */
  lost(error: Error): void
  /** A handshake of TLS from the start failed; {@link AdapterOptions.lost} hears of it, too. */
  handshakeFailed(peer: Peer, error: Error): void
}

/** A connection that was accepted. */
export interface Arrival {
  readonly socket: Socket
  readonly peer: Peer
  /** Makes its session; `peer` is the client's, behind a proxy too. */
  open(wire: Wire, peer: Peer, tls: Session['tls']): SessionDriver
}

/** What a connection does with its session. */
export interface SessionDriver extends Pick<LineReceiver, 'line' | 'badLine'> {
  /** The connection is ready. `begin` lets the client's commands in. */
  ready(begin: () => void): void
  /** The client spoke before `begin`. */
  early(): void
  /** The TLS handshake of STARTTLS is done. */
  secured(tls: NonNullable<Session['tls']>): void
  /** The connection is gone. */
  closed(error?: string): void
}

/** Takes the accepted sockets of one listener. */
export interface Adapter {
  /** Begins a connection. Returns the function that cuts it as long as its session has not begun. */
  accept(arrival: Arrival): () => void
}

/** Creates the adapter of one listener. */
export function createAdapter(options: AdapterOptions): Adapter {
  return new ListenerServer(options)
}

/** Longer than any deadline of ours: smtp-server's own run on the machine's clock and are kept out of the way. */
const never = 2_147_483_647

class ListenerServer extends SMTPServer implements Adapter {
  readonly adapter: AdapterOptions
  readonly #arrivals = new WeakMap<Socket, Arrival>()

  constructor(options: AdapterOptions) {
    super({ secure: options.tls === 'implicit', logger: false, socketTimeout: never })
    this.adapter = options
    if (options.credentials) this.secureContext.set('*', options.credentials.context)
  }

  accept(arrival: Arrival): () => void {
    const { socket } = arrival
    this.#arrivals.set(socket, arrival)
    // Between the steps of smtp-server nobody listens for errors, and one would end the process.
    socket.on('error', () => {})
    this.server.emit('connection', socket)
    return () => this._pendingSockets.get(socket)?.destroy()
  }

  override connect(socket: Socket, proxied: SMTPConnectionOptions = {}): void {
    const arrival = this.#arrivals.get(socket)
    if (!arrival) return
    const { peer } = arrival
    const { remoteAddress = peer.remoteAddress, remotePort = peer.remotePort } = proxied
    new Connection(this, socket, arrival, { ...peer, remoteAddress, remotePort }).init()
  }

  /** The context comes ready made; without one there is no TLS, and smtp-server's own certificate is never used. */
  override updateSecureContext(): void {
    this.secureContext = new Map()
  }

  override _expectsProxyHeader(socket: Socket): boolean {
    return this.adapter.isProxy(this.#arrivals.get(socket)?.peer.remoteAddress ?? '')
  }

  override _handleProxy(...[socket, callback]: Parameters<SMTPServer['_handleProxy']>): void {
    if (this._expectsProxyHeader(socket)) super._handleProxy(socket, callback)
    else callback(null, { id: '' })
  }

  override _upgrade(...[socket, callback]: Parameters<SMTPServer['_upgrade']>): void {
    super._upgrade(socket, (error, secured) => {
      const arrival = this.#arrivals.get(socket)
      if (secured && arrival) this.#arrivals.set(secured, arrival)
      if (error && arrival) this.adapter.handshakeFailed(arrival.peer, error)
      callback(error, secured)
    })
  }

  override _onError(error: Error): void {
    this.adapter.lost(error)
  }
}

class Connection extends SMTPConnection implements Wire, LineReceiver {
  readonly #driver: SessionDriver
  #out = ''
  #flushScheduled = false
  #begun = false
  #held: (() => void) | undefined
  #error: string | undefined

  constructor(server: ListenerServer, socket: Socket, arrival: Arrival, peer: Peer) {
    super(server, socket, { ...peer, id: '-' })
    this.#driver = arrival.open(this, peer, socket instanceof TLSSocket ? describeTls(socket) : undefined)
  }

  override init(): void {
    this._setListeners(() => this.#driver.ready(() => this.#begin()))
  }

  /** Input that came before the greeting was sent waits for it. */
  hold(work: () => void): void {
    if (this.#begun) work()
    else {
      this.#held = work
      this.#driver.early()
    }
  }

  #begin(): void {
    this.#begun = true
    this.flush()
    this.#held?.()
    this.#held = undefined
  }

  line(text: string): void | Promise<void> {
    return this.#driver.line(text)
  }

  badLine(problem: 'too-long' | 'bare-line-feed'): void {
    this.#driver.badLine(problem)
  }

  override send(...answer: unknown[]): void {
    const [reply] = answer as [Reply]
    if (!this._upgrading) this.#out += wireForms.get(reply) ?? formatReply(reply)
    if (this.#out.length > mostUnsent) this.flush()
  }

  flush(): void {
    if (this.#out === '') return
    const out = this.#out
    this.#out = ''
    if (this._socket.writable && !this._socket.destroyed) this._socket.write(out)
  }

  flushSoon(): void {
    if (this.#out === '' || this.#flushScheduled) return
    this.#flushScheduled = true
    setImmediate(() => {
      this.#flushScheduled = false
      this.flush()
    })
  }

  whenWritable(): Promise<void> | undefined {
    const socket = this._socket
    if (!socket.writableNeedDrain || socket.destroyed) return undefined
    return new Promise(resolve => socket.once('drain', resolve))
  }

  end(): void {
    this.close()
  }

  destroy(): void {
    this._socket.destroy()
  }

  startTls(): void {
    this.flush()
    this.#stopReading()
    this.upgrade(
      () => {},
      () => this.#driver.secured(describeTls(this._socket as TLSSocket)),
    )
  }

  receiveData(sink: DataSink): void {
    if (this._parser instanceof CommandStream) this._parser.reader.receiveData(sink)
  }

  override close(): void {
    this.flush()
    this.#stopReading()
    super.close()
  }

  override _createParser(): SMTPStream {
    return new CommandStream(this)
  }

  override _onClose(): void {
    if (this._closed) return
    this.#stopReading()
    super._onClose()
    this.#driver.closed(this.#error)
  }

  override _onError(error: Error): void {
    this.#error ??= describeError(error)
    this._socket.destroy()
  }

  override _armTimeout(): void {}

  override _resetSession(): void {}

  #stopReading(): void {
    if (this._parser instanceof CommandStream) this._parser.reader.stop()
  }
}

/** The replies that are always the same, written once. */
const wireForms: ReadonlyMap<Reply, string> = new Map(
  [...Object.values(replies), ...Object.values(serverReplies)].map(reply => [reply, formatReply(reply)]),
)

/** Characters of replies that are collected before they are sent in the middle of a read. */
const mostUnsent = 16 * 1024

/** Input is read in pieces of 64 KiB: with less room than that, every one of them would halt the socket. */
const inputRoom = 256 * 1024

class CommandStream extends SMTPStream {
  readonly reader: CommandReader
  readonly #connection: Connection

  constructor(connection: Connection) {
    super({ highWaterMark: inputRoom, decodeStrings: false })
    this.#connection = connection
    this.reader = new CommandReader(connection)
  }

  override _write(chunk: Buffer, _encoding: unknown, next: () => void): void {
    if (this.isClosed) next()
    else this.#connection.hold(() => this.reader.read(chunk, next))
  }

  /** What a lost connection leaves without a line end is no command. */
  override _flushData(): void {}
}

function describeTls(socket: TLSSocket): NonNullable<Session['tls']> {
  const serverName = (socket as { servername?: string | false }).servername
  return {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().standardName,
    ...(serverName ? { serverName } : {}),
  }
}
