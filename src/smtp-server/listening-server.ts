import type { Socket } from 'node:net'
import { systemClock } from '../core/clock.js'
import { type ConnectionLimits, createConnectionLimits } from '../core/connection-limits.js'
import { toMilliseconds } from '../core/duration.js'
import { describeError, MailError } from '../core/error.js'
import { escapeControls } from '../core/escape-controls.js'
import { type CloseOptions, DrainSet, waitUntilEmpty } from '../core/lifecycle.js'
import type { Listener, Peer } from '../core/network.js'
import { parseOptions } from '../core/options.js'
import type { TlsCredentials } from '../core/tls-credentials.js'
import { newTraceId } from '../core/trace.js'
import type { DeliveryQueue } from '../queue/delivery-queue.js'
import { formatReply } from '../smtp/reply.js'
import { type Adapter, createAdapter, type SessionDriver } from './adapter.js'
import type { ServerContext } from './context.js'
import { driveSession } from './drive-session.js'
import type { SessionRefused, SmtpServerEvents } from './events.js'
import { createNetworkCheck, type SmtpListenOptions, smtpListenOptionsSchema } from './options.js'
import { serverReplies } from './replies.js'
import { Session, type SessionOrigin } from './session.js'
import type { SmtpServer } from './smtp-server.js'
import type { Wire } from './wire.js'

type Kind = SessionOrigin['kind']
type TlsMode = 'none' | 'starttls' | 'implicit'

/** An accepted connection. */
interface Connection {
  /** Once the steps before it are done. */
  session?: Session
  /** Cuts it. */
  cut(): void
}

/** How long a socket that was cut may take to be gone, in real milliseconds, whatever the clock of the server does. */
const aMoment = 1_000

/** The listeners of a server, and the connections they took. */
export class ListeningServer implements SmtpServer {
  readonly #context: ServerContext
  readonly #credentials: TlsCredentials | undefined
  readonly #queue: DeliveryQueue | undefined
  readonly #limits: ConnectionLimits
  readonly #isProxy: (address: string) => boolean
  readonly #listeners: Listener[] = []
  readonly #connections = new DrainSet<Connection>()
  #closing: Promise<void> | undefined

  constructor(
    context: ServerContext,
    parts: { credentials: TlsCredentials | undefined; queue: DeliveryQueue | undefined },
  ) {
    const { limits, proxyProtocol } = context.settings
    this.#context = context
    this.#credentials = parts.credentials
    this.#queue = parts.queue
    this.#limits = createConnectionLimits({
      total: limits.connections,
      perAddress: limits.connectionsPerAddress,
    })
    this.#isProxy = createNetworkCheck(proxyProtocol)
  }

  get listeners(): readonly Listener[] {
    return [...this.#listeners]
  }

  get connections(): number {
    return this.#connections.size
  }

  on<Name extends keyof SmtpServerEvents>(
    event: Name,
    listener: (payload: SmtpServerEvents[Name]) => unknown,
  ) {
    return this.#context.events.on(event, listener)
  }

  once<Name extends keyof SmtpServerEvents>(
    event: Name,
    listener: (payload: SmtpServerEvents[Name]) => unknown,
  ) {
    return this.#context.events.once(event, listener)
  }

  off<Name extends keyof SmtpServerEvents>(
    event: Name,
    listener: (payload: SmtpServerEvents[Name]) => unknown,
  ) {
    this.#context.events.off(event, listener)
  }

  async listen(options: SmtpListenOptions = {}): Promise<Listener> {
    const { kind, tls: wanted, ...place } = parseOptions('listen', smtpListenOptionsSchema(), options)
    const tls = wanted ?? (this.#credentials ? 'starttls' : 'none')
    if (tls !== 'none' && !this.#credentials) {
      throw new MailError(
        'OPTION_INVALID',
        `listen: tls: got '${tls}', expected 'none' as the server has no tls option`,
      )
    }
    this.#assertOpen()
    const take = this.#connectionTaker(kind, tls)
    const listener = await this.#context.settings.network.listen(withoutUndefined(place), take)
    if (this.#closing) await listener.close()
    this.#assertOpen()
    this.#listeners.push(listener)
    await this.#queue?.start()
    return listener
  }

  close(options: CloseOptions = {}): Promise<void> {
    const { closeTimeout } = this.#context.settings
    const grace = options.grace === undefined ? closeTimeout : toMilliseconds(options.grace, 'close: grace')
    this.#closing ??= this.#close(grace)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(grace: number): Promise<void> {
    const { clock } = this.#context.settings
    const closed = this.#listeners.map(listener => listener.close())
    for (const { session, cut } of [...this.#connections]) {
      if (session) session.close()
      else cut()
    }
    if (grace > 0) await waitUntilEmpty(clock, grace, this.#connections)
    for (const connection of [...this.#connections]) connection.cut()
    await waitUntilEmpty(systemClock, aMoment, this.#connections)
    await Promise.all(closed)
  }

  #assertOpen(): void {
    if (this.#closing) throw new MailError('CLOSED', 'listen: the SMTP server is closed')
  }

  #connectionTaker(kind: Kind, tls: TlsMode): (socket: Socket, peer: Peer) => void {
    const adapter = createAdapter({
      tls,
      credentials: tls === 'none' ? undefined : this.#credentials,
      isProxy: this.#isProxy,
      lost: error =>
        this.#context.logger.debug({ error: describeError(error) }, 'a connection never became a session'),
      handshakeFailed: (peer, error) =>
        this.#tellRefused(kind, peer, this.#closing ? 'closing' : 'handshake', describeError(error)),
    })
    return (socket, peer) => this.#take(adapter, { kind, tls }, socket, peer)
  }

  #take(adapter: Adapter, how: { kind: Kind; tls: TlsMode }, socket: Socket, peer: Peer): void {
    const proxied = this.#isProxy(peer.remoteAddress)
    // A proxy stands for many clients: each of them is counted when the header has named it.
    const admission = proxied ? undefined : this.#admit(peer)
    if (this.#closing || typeof admission === 'string') {
      this.#turnAway(how, socket, peer, typeof admission === 'string' ? admission : 'closing')
      return
    }
    const connection: Connection = { cut: () => socket.destroy() }
    let release = admission
    const over = () => {
      timer?.cancel()
      release?.()
      this.#connections.delete(connection)
    }
    const open = (wire: Wire, client: Peer, secured: Session['tls']): SessionDriver => {
      timer?.cancel()
      const session = this.#session(how, wire, client, secured)
      connection.session = session
      connection.cut = () => wire.destroy()
      const late = proxied ? this.#admit(client) : undefined
      if (typeof late === 'function') release = late
      return driveSession(session, { over, refused: typeof late === 'string' ? late : undefined })
    }
    const { clock, timeouts } = this.#context.settings
    const waits = proxied || how.tls === 'implicit'
    const timer = waits ? clock.schedule(timeouts.handshake, () => connection.cut()) : undefined
    this.#connections.add(connection)
    socket.once('close', over)
    const cut = adapter.accept({ socket, peer, open })
    if (waits) connection.cut = cut
  }

  #admit(peer: Peer): (() => void) | 'total' | 'address' {
    // Behind a unix socket there are no addresses to tell clients apart by.
    return this.#limits.admit(peer.remoteAddress || `unix ${newTraceId()}`)
  }

  #session(how: { kind: Kind; tls: TlsMode }, wire: Wire, peer: Peer, tls: Session['tls']): Session {
    const origin = { id: newTraceId(), peer, kind: how.kind, offersTls: how.tls === 'starttls' }
    const session = new Session(this.#context, wire, origin)
    session.tls = tls
    return session
  }

  /** A connection too many. It is told so where it can read it: not before a TLS handshake. */
  #turnAway(
    how: { kind: Kind; tls: TlsMode },
    socket: Socket,
    peer: Peer,
    limit: 'total' | 'address' | 'closing',
  ): void {
    const reason = refusalReasons[limit]
    this.#tellRefused(how.kind, peer, reason)
    socket.on('error', () => {})
    if (how.tls === 'implicit') {
      socket.destroy()
      return
    }
    socket.write(
      formatReply(reason === 'closing' ? serverReplies.shuttingDown : serverReplies.tooManyConnections),
    )
    socket.destroySoon()
  }

  #tellRefused(kind: Kind, peer: Peer, reason: SessionRefused['reason'], error?: string): void {
    const id = newTraceId()
    const { remoteAddress, remotePort } = peer
    const about = { traceId: id, sessionId: id, remoteAddress, remotePort, kind }
    this.#context.events.emit('session:refused', {
      ...about,
      reason,
      ...(error !== undefined && { error: escapeControls(error) }),
    })
  }
}

const refusalReasons = { total: 'connections', address: 'address-connections', closing: 'closing' } as const

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never
}
