import type { Account } from '../accounts/accounts.js'
import { formatDuration } from '../core/duration.js'
import { MailError } from '../core/error.js'
import { escapeControls } from '../core/logger.js'
import type { Peer } from '../core/network.js'
import type { Reply } from '../core/reply.js'
import type { Policy, PolicyAnswer, SmtpSession } from '../policy/policy.js'
import { type PolicyOutcome, type PolicyPhase, runPolicies } from '../policy/run-policies.js'
import { formatReply, replies } from '../smtp/reply.js'
import type { ServerContext } from './context.js'
import { type DeadlineName, Deadlines } from './deadlines.js'
import type { SessionClosed, SessionEvent, SessionRefused, SmtpServerEvents } from './events.js'
import { serverReplies } from './replies.js'
import type { Transaction } from './transaction.js'

/** What a session needs of its connection. */
export interface Wire {
  /** Puts a reply behind those before it. They leave together, once there is no more input to work on. */
  send(reply: Reply): void
  /** Sends what is waiting and ends the connection; what the client still says is not read. */
  end(): void
  /** Cuts the connection. */
  destroy(): void
  /** Sends what is waiting and begins the TLS handshake. What came in the clear is thrown away. */
  startTls(): void
  /** Takes what follows as the data of a message. */
  receiveData(sink: DataSink): void
}

/** Where the data of a message goes. */
export interface DataSink {
  /** Takes bytes of the message, in order. Never rejects. */
  write(data: Buffer): void | Promise<void>
  /** The message has ended. `bareLineBreak`: it has a CR or LF that is not part of a CRLF. Never rejects. */
  end(bareLineBreak: boolean): Promise<void>
  /** The connection was lost before the message ended. */
  abort(): void
}

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

/** One client's conversation: its state, and the ways in which verbs answer, ask and fail. */
export class Session {
  readonly server: ServerContext
  readonly wire: Wire
  readonly origin: SessionOrigin
  readonly deadlines: Deadlines
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
  #giveUpAsking: () => void = () => {}

  constructor(server: ServerContext, wire: Wire, origin: SessionOrigin) {
    this.server = server
    this.wire = wire
    this.origin = origin
    this.connectedAt = server.settings.clock.now()
    this.deadlines = new Deadlines(server.settings.clock, name => this.#deadlinePassed(name))
  }

  /** Whether the user or the network of the client may write to other servers. LMTP never relays (RFC 2033 §5). */
  get mayRelay(): boolean {
    if (this.origin.kind === 'lmtp') return false
    return this.account !== undefined || this.server.mayRelay(this.origin.peer.remoteAddress)
  }

  /** Answers the command. A session with too many refused commands ends. */
  reply(reply: Reply): void {
    if (this.ended) return
    this.say(reply)
    if (reply.code < 500 || ++this.#errors < this.server.settings.limits.errors) return
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

  /**
   * Asks accounts, router or storage.
   * @throws what the driver throws; MailError `TIMEOUT` when it does not answer in time.
   */
  ask<T>(handler: string, question: () => Promise<T>): Promise<T> {
    const { handlerTimeout } = this.server.settings
    return new Promise((resolve, reject) => {
      this.#giveUpAsking = () =>
        reject(
          new MailError('TIMEOUT', `${handler} took longer than ${formatDuration(handlerTimeout)}`, {
            temporary: true,
          }),
        )
      this.deadlines.set('handler', handlerTimeout)
      // One question at a time: its answer ends the deadline of no other.
      const answered = () => this.deadlines.clear('handler')
      question().then(
        answer => {
          answered()
          resolve(answer)
        },
        error => {
          answered()
          reject(error)
        },
      )
    })
  }

  /** Tells of a handler that failed. */
  failed(handler: string, error: unknown, phase?: PolicyPhase): void {
    const { sessionId } = this.about()
    this.server.logger.error({ sessionId, handler, error }, `${handler} failed during an SMTP session`)
    this.tell('handler:failed', () => ({ ...this.about(), handler, error, ...(phase ? { phase } : {}) }))
  }

  /** Tells of a handler that failed, and the client to try later. */
  failCommand(handler: string, error: unknown): void {
    this.failed(handler, error)
    const told = error instanceof MailError && error.temporary ? error.reply : undefined
    this.reply(told ?? replies.localError)
  }

  /** Asks the policies of a phase. Resolves to `undefined`, with the client told, when one refuses. */
  async consult(
    phase: PolicyPhase,
    ask: (policy: Policy, session: SmtpSession) => PolicyAnswer,
  ): Promise<readonly string[] | undefined> {
    const outcome = await this.judge(phase, ask)
    if (outcome.action === 'continue') return outcome.headers
    this.reply(outcome.reply)
    return undefined
  }

  /** What the policies of a phase decide. */
  async judge(
    phase: PolicyPhase,
    ask: (policy: Policy, session: SmtpSession) => PolicyAnswer,
  ): Promise<PolicyOutcome> {
    const view = this.view()
    const onFailure = (policy: string, at: PolicyPhase, error: MailError) =>
      this.failed(`policy ${policy}`, error, at)
    return runPolicies({ ...this.server.policies, onFailure }, phase, policy => ask(policy, view))
  }

  /** Whether any policy has a phase. */
  hasPolicy(phase: PolicyPhase): boolean {
    return this.server.policies.policies.some(policy => policy[phase] !== undefined)
  }

  /** The session as policies see it. */
  view(): SmtpSession {
    const { id, peer, kind } = this.origin
    return Object.freeze({
      id,
      ...peer,
      kind,
      connectedAt: this.connectedAt,
      extended: this.extended,
      ...(this.hello === undefined ? {} : { hello: this.hello }),
      ...(this.tls === undefined ? {} : { tls: this.tls }),
      ...(this.account === undefined ? {} : { account: this.account.id }),
      ...(this.transaction === undefined ? {} : { traceId: this.transaction.traceId }),
    })
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

  /** Turns the client away before its session began. */
  refuse(reply: Reply, reason: SessionRefused['reason']): void {
    this.tell('session:refused', () => ({ ...this.about(), reason }))
    this.hangUp(reply, 'limit')
  }

  #deadlinePassed(name: DeadlineName): void {
    if (name === 'rate') this.checkRate?.()
    else if (name === 'handler') this.#giveUpAsking()
    else if (name === 'handshake') this.cut('timeout')
    else if (this.#busy) this.deadlines.set(name, 1_000)
    else this.hangUp(serverReplies.timeout, 'timeout')
  }
}
