import type net from 'node:net'
import { type ConnectionLimits, createConnectionLimits } from '../core/connection-limits.js'
import { toMilliseconds } from '../core/duration.js'
import { MailError } from '../core/error.js'
import { type Events, MailEvents } from '../core/events.js'
import { type Closable, type CloseOptions, DrainSet, waitUntilEmpty } from '../core/lifecycle.js'
import type { Listener, ListenOptions, Peer } from '../core/network.js'
import { newTraceId } from '../core/trace.js'
import { ClientConnection } from './client-connection.js'
import type { Pop3ServerEvents } from './events.js'
import { LoginDelays } from './login-delays.js'
import { type Pop3ServerOptions, type Pop3Settings, readPop3Options } from './options.js'
import { errLine } from './response.js'
import { Session } from './session.js'

/** Where a POP3 server listens, and how TLS is used there. */
export interface Pop3ListenOptions extends ListenOptions {
  /**
   * `'stls'`: in the clear, with STLS on offer (port 110). `'implicit'`: TLS from the first octet (port 995,
   * RFC 8314). `'none'`: in the clear only. Default: `'stls'` when the server has a certificate, else `'none'`.
   */
  tls?: 'none' | 'stls' | 'implicit'
}

/** Serves mailboxes over POP3. Made by {@link createPop3Server}. */
export interface Pop3Server extends Closable, Events<Pop3ServerEvents> {
  /**
   * Opens a listener; a server may have several.
   * @throws MailError `PORT_IN_USE`, `LISTEN_FAILED`; `OPTION_INVALID` for TLS without a certificate; `CLOSED`.
   */
  listen(options?: Pop3ListenOptions): Promise<Listener>
  /** Open sessions. */
  readonly sessions: number
}

/**
 * Creates a POP3 server (RFC 1939) over the mailboxes of a store: each user reads `INBOX`, one session at a time.
 * @throws MailError `OPTION_INVALID`, `CERTIFICATE_UNREADABLE`.
 */
export function createPop3Server(options: Pop3ServerOptions): Pop3Server {
  return new ListeningPop3Server(readPop3Options(options))
}

class ListeningPop3Server extends MailEvents<Pop3ServerEvents> implements Pop3Server {
  readonly #settings: Pop3Settings
  readonly #limits: ConnectionLimits
  readonly #loginDelays: LoginDelays
  readonly #listeners = new Set<Listener>()
  readonly #sessions = new DrainSet<Session>()
  #closed: Promise<void> | undefined

  constructor(settings: Pop3Settings) {
    super(settings.logger)
    this.#settings = settings
    this.#limits = createConnectionLimits({
      total: settings.maxConnections,
      perAddress: settings.maxConnectionsPerAddress,
    })
    this.#loginDelays = new LoginDelays(settings.clock, settings.loginDelay)
  }

  get sessions(): number {
    return this.#sessions.size
  }

  async listen(options: Pop3ListenOptions = {}): Promise<Listener> {
    const { tls = this.#settings.tls ? 'stls' : 'none', ...where } = options
    if (this.#closed) throw closedError()
    if (!this.#settings.tls && tls !== 'none') {
      throw new MailError(
        'OPTION_INVALID',
        `listen: tls: got '${tls}', but the server was given no certificate`,
      )
    }
    const listener = await this.#settings.network.listen(where, (socket, peer) =>
      this.#accept(socket, peer, tls),
    )
    if (this.#closed) {
      await listener.close()
      throw closedError()
    }
    this.#listeners.add(listener)
    return listener
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closed ??= this.#close(toMilliseconds(options.grace ?? this.#settings.closeTimeout, 'grace'))
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(grace: number): Promise<void> {
    const closed = [...this.#listeners].map(listener => listener.close())
    for (const session of this.#sessions) session.close()
    if (grace > 0) await waitUntilEmpty(this.#settings.clock, grace, this.#sessions)
    for (const session of this.#sessions) session.cut('closing')
    await Promise.all(closed)
  }

  #accept(socket: net.Socket, peer: Peer, tls: 'none' | 'stls' | 'implicit'): void {
    const settings = this.#settings
    const place = this.#limits.admit(peer.remoteAddress)
    if (typeof place === 'string') {
      this.#refuse(socket, peer, tls, place)
      return
    }
    socket.once('close', place)
    if (this.#closed) {
      socket.destroy()
      return
    }
    const emit: Session['context']['emit'] = (event, payload) => {
      settings.logger.debug(payload, event)
      this.emit(event, payload)
    }
    const context = { settings, loginDelays: this.#loginDelays, peer, tls, emit }
    const session = new Session(context, onClose => new ClientConnection(socket, settings.clock, onClose))
    this.#sessions.add(session)
    void session.run().finally(() => this.#sessions.delete(session))
  }

  #refuse(socket: net.Socket, peer: Peer, tls: string, limit: 'total' | 'address'): void {
    const { remoteAddress } = peer
    this.#settings.logger.warn({ remoteAddress, limit }, 'a POP3 connection was refused')
    this.emit('session:refused', { traceId: newTraceId(), remoteAddress, limit })
    socket.on('error', () => {})
    if (tls !== 'implicit') socket.write(errLine('Too many connections, try again later', 'SYS/TEMP'))
    socket.destroySoon()
  }
}

function closedError(): MailError {
  return new MailError('CLOSED', 'listen: the server was closed')
}
