import type { Account } from '../accounts/accounts.js'
import { MailError } from '../core/error.js'
import { escapeControls } from '../core/logger.js'
import type { Peer } from '../core/network.js'
import type { Reply } from '../core/reply.js'
import type { SmtpSession } from '../policy/policy.js'
import { formatReply, replies } from '../smtp/reply.js'
import type { ServerContext } from './context.js'
import { type DeadlineName, Deadlines } from './deadlines.js'
import type { SessionClosed, SessionEvent, SessionRefused, SmtpServerEvents } from './events.js'
import { HandlerCalls } from './handler-calls.js'
import { serverReplies } from './replies.js'
import type { Transaction } from './transaction.js'
import type { Wire } from './wire.js'

/** Takes the next line in the place of a command. */
export type LineHandler = (line: string) => void | Promise<void>

/** How a session was made. */
export interface SessionOrigin {
  readonly id: string
  readonly peer: Peer
  readonly kind: 'smtp' | 'submission' | 'lmtp'
  readonly offersTls: boolean
}

type CloseReason = SessionClosed['reason']

/** One client's conversation: its state, what it tells, and how it ends. */
export class Session {
  readonly server: ServerContext
  readonly wire: Wire
  readonly origin: SessionOrigin
  readonly deadlines: Deadlines
  readonly handlers: HandlerCalls
  readonly connectedAt: number
  hello: string | undefined
  extended = false
  tls: SmtpSession['tls']
  account: Account | undefined
  transaction: Transaction | undefined
  /** Takes the next line: AUTH is under way. */
  nextLine: LineHandler | undefined
  /** The data of a message is coming, with deadlines of its own. */
  receiving = false
  /** Asked during DATA whether bytes come fast enough. */
  checkRate: (() => void) | undefined
  failedLogins = 0
  /** Header fields that policies gave before MAIL. */
  readonly headers: string[] = []
  ended = false
  #errors = 0
  #commands = 0
  #messages = 0
  #busy = false
  #closing = false
  #reason: CloseReason | undefined

  constructor(server: ServerContext, wire: Wire, origin: SessionOrigin) {
    this.server = server
    this.wire = wire
    this.origin = origin
    this.connectedAt = server.settings.clock.now()
    this.deadlines = new Deadlines(server.settings.clock, name => this.#deadlinePassed(name))
    this.handlers = new HandlerCalls(this)
  }

  /** Whether the user or the network of the client may write to other servers. LMTP never relays (RFC 2033 §5). */
  get mayRelay(): boolean {
    if (this.origin.kind === 'lmtp') return false
    return this.account !== undefined || this.server.mayRelay(this.origin.peer.remoteAddress)
  }

  /**
   * Answers the command. The session ends with a 421, which says so (RFC 5321 §4.2.3), and when too many commands were
   * refused.
   */
  reply(...answers: readonly Reply[]): void {
    if (this.ended) return
    for (const answer of answers) this.say(answer)
    this.#errors += answers.filter(({ code }) => code >= 500).length
    if (answers.some(({ code }) => code === 421)) this.hangUp(undefined, 'policy')
    else if (this.#errors >= this.server.settings.limits.errors)
      this.hangUp(serverReplies.tooManyErrors, 'limit')
  }

  /** Puts a reply on the wire, and tells whoever follows the conversation. */
  say(reply: Reply): void {
    this.wire.send(reply)
    this.tellLine('server', () => formatReply(reply).trimEnd().split('\r\n').map(escapeControls).join('\n'))
  }

  /** Tells of a line of the conversation. */
  tellLine(from: 'client' | 'server', text: () => string): void {
    if (!this.server.events.has('session:line')) return
    this.server.events.emit('session:line', { ...this.about(this.transaction?.traceId), from, text: text() })
  }

  /** Says a last word, if any, and ends the connection. */
  hangUp(reply: Reply | undefined, reason: CloseReason): void {
    if (this.ended) return
    this.#reason ??= reason
    if (reply) this.say(reply)
    this.ended = true
    this.wire.end()
  }

  /** Cuts the connection without a word. */
  cut(reason: CloseReason): void {
    this.#reason ??= reason
    this.ended = true
    this.wire.destroy()
  }

  /** Counts a command; ends the session of a client that never comes to a message. */
  countCommand(): boolean {
    if (++this.#commands <= this.server.settings.limits.commands) return true
    this.hangUp(serverReplies.tooManyCommands, 'limit')
    return false
  }

  /** A message was accepted: errors and commands count anew. */
  countMessage(): void {
    this.#messages++
    this.#errors = 0
    this.#commands = 0
  }

  /** Ends the transaction (RFC 5321 §4.1.1.5). A server that is closing takes no further one. */
  reset(): void {
    this.transaction = undefined
    this.deadlines.clear('transaction')
    if (this.#closing) this.hangUp(serverReplies.shuttingDown, 'closing')
  }

  /** Forgets all that was said before TLS (RFC 3207 §4.2). */
  secured(tls: NonNullable<SmtpSession['tls']>): void {
    this.deadlines.clear('handshake')
    this.hello = undefined
    this.extended = false
    this.account = undefined
    this.nextLine = undefined
    this.headers.length = 0
    this.reset()
    this.tls = tls
    this.tell('session:secured', () => ({ ...this.about(), ...tls }))
    this.awaitCommand()
  }

  /** From now on the client has so long to send its next command, whole. */
  awaitCommand(): void {
    this.#busy = false
    if (this.receiving) this.deadlines.clear('phase')
    else this.deadlines.set('phase', this.server.settings.timeouts.command)
  }

  /** The client waits for the server now: none of its deadlines runs. */
  beginWork(): void {
    this.#busy = true
    this.deadlines.clear('phase')
  }

  /** The server is closing: an idle session ends at once, one in a transaction at its end. */
  close(): void {
    this.#closing = true
    if (this.transaction === undefined && !this.#busy) this.hangUp(serverReplies.shuttingDown, 'closing')
  }

  /** The connection is gone. */
  closed(error?: string): void {
    this.ended = true
    this.deadlines.stop()
    this.#reason ??= error === undefined ? 'disconnected' : 'error'
    const reason = this.#reason
    this.tell('session:closed', () => ({
      ...this.about(),
      messages: this.#messages,
      duration: this.server.settings.clock.now() - this.connectedAt,
      reason,
      ...(error === undefined ? {} : { error: escapeControls(error) }),
    }))
  }

  /** Tells of a handler that failed, and the client to try later. */
  failCommand(handler: string, error: unknown): void {
    this.handlers.failed(handler, error)
    const told = error instanceof MailError && error.temporary ? error.reply : undefined
    this.reply(told ?? replies.localError)
  }

  /** What every event tells; `traceId` is that of the transaction, if one is given. */
  about(traceId = this.origin.id): SessionEvent {
    const { id, peer, kind } = this.origin
    return { traceId, sessionId: id, remoteAddress: peer.remoteAddress, remotePort: peer.remotePort, kind }
  }

  /** Tells of an event; its payload is only made when somebody listens. */
  tell<Name extends keyof SmtpServerEvents>(event: Name, payload: () => SmtpServerEvents[Name]): void {
    if (this.server.events.has(event)) this.server.events.emit(event, payload())
  }

  /** Turns the client away before its session began; without a reply its connection is cut. */
  refuse(reply: Reply | undefined, reason: SessionRefused['reason']): void {
    this.tell('session:refused', () => ({ ...this.about(), reason }))
    const ended = reason === 'policy' ? 'policy' : 'limit'
    if (reply) this.hangUp(reply, ended)
    else this.cut(ended)
  }

  #deadlinePassed(name: DeadlineName): void {
    if (name === 'rate') this.checkRate?.()
    else if (name === 'handler') this.handlers.giveUp()
    else if (name === 'handshake') this.cut('timeout')
    else if (this.#busy) this.deadlines.set(name, 1_000)
    else this.hangUp(serverReplies.timeout, 'timeout')
  }
}
