import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SecureContext } from 'node:tls'
import type { Timer } from '../core/clock.js'
import { MailError } from '../core/error.js'
import type { Peer } from '../core/network.js'
import { newTraceId } from '../core/trace.js'
import type { ClientConnection } from './client-connection.js'
import type { SessionState } from './command.js'
import { parseCommandLine } from './command-line.js'
import { commands } from './command-table.js'
import type { Pop3ServerEvents, SessionEnd } from './events.js'
import { HandlerCalls } from './handler-calls.js'
import { type IdleTimer, startIdleTimer } from './idle-timer.js'
import { overlong } from './line-reader.js'
import type { LoginDelays } from './login-delays.js'
import type { Maildrop } from './maildrop.js'
import type { Pop3Settings } from './options.js'
import { errLine, okLine, type ResponseCode } from './response.js'

/** Pipelined commands after which others get their turn. */
const commandsPerTurn = 200

/** Stands for the work of commands that were answered at once. */
const answered = Promise.resolve()

/** What the server gives each session. */
export interface SessionContext {
  readonly settings: Pop3Settings
  readonly loginDelays: LoginDelays
  readonly peer: Peer
  readonly tls: 'none' | 'stls' | 'implicit'
  readonly emit: <Name extends keyof Pop3ServerEvents>(event: Name, payload: Pop3ServerEvents[Name]) => void
}

/**
 * One client from its greeting to its end: takes lines, runs commands in their order, keeps the state that
 * RFC 1939 §3 gives a session. What a command needs of it is public; `login.ts` logs in.
 */
export class Session {
  readonly traceId = newTraceId()
  readonly context: SessionContext
  readonly connection: ClientConnection
  readonly handlers: HandlerCalls
  state: SessionState = 'authorization'
  /** Whether the connection is encrypted. */
  secure = false
  /** What USER named, until PASS. */
  username: string | undefined
  /** Takes the next line instead of the command table, within AUTH. */
  continuation: ((line: string) => Promise<void> | undefined) | undefined
  loginFailures = 0
  #maildrop: Maildrop | undefined
  #released = Promise.resolve()
  #account: string | undefined
  #errors = 0
  #handled = 0
  #working = false
  #closing = false
  #end: SessionEnd | undefined
  readonly #idle: IdleTimer
  readonly #loginTimer: Timer

  constructor(context: SessionContext, connect: (onClose: () => void) => ClientConnection) {
    const { clock, idleTimeout, loginTimeout, handlerTimeout, logger } = context.settings
    this.context = context
    this.connection = connect(() => this.#connectionClosed())
    this.handlers = new HandlerCalls({
      traceId: this.traceId,
      clock,
      handlerTimeout,
      logger,
      emit: context.emit,
    })
    this.#idle = startIdleTimer(clock, idleTimeout, () => this.cut('idle'))
    this.#loginTimer = clock.schedule(loginTimeout, () => this.cut('login-timeout'))
  }

  /** Serves the client. Resolves when the session is over and the mailbox given back; never rejects. */
  async run(): Promise<void> {
    const { peer, emit } = this.context
    const { remoteAddress, remotePort, localPort } = peer
    const { traceId } = this
    emit('session:opened', { traceId, remoteAddress, remotePort, localPort })
    await this.#serve()
    this.connection.end()
    await this.releaseMaildrop()
    this.handlers.stop()
    const account = this.#account === undefined ? {} : { account: this.#account }
    emit('session:closed', { traceId, remoteAddress, ...account, reason: this.#end ?? 'lost' })
  }

  async #serve(): Promise<void> {
    const { settings, tls } = this.context
    if (tls === 'implicit' && settings.tls && !(await this.startTls(settings.tls.context))) return
    this.ok('POP3 server ready')
    this.connection.flush()
    await this.connection.serve(() => {
      const pending = this.#work()
      // What was answered at once moves a virtual clock's wait on too: what the client says to it is still to come.
      void settings.clock.track(pending ?? answered)
      return pending
    })
  }

  /** Works off the lines that have arrived. Their replies leave in one write, unless they are many. */
  #work(): Promise<void> | undefined {
    this.#working = true
    const pending = this.#workNow()
    return pending ? this.#workOn(pending) : this.#rest()
  }

  /** Works until there is something to wait for, and gives that. */
  #workNow(): Promise<void> | undefined {
    while (!this.#end && !this.connection.closed) {
      const line = this.connection.nextLine()
      if (line === undefined) break
      this.#idle.touch()
      const pending = this.#perform(line)
      if (++this.#handled % commandsPerTurn === 0) return nextTurnAfter(pending)
      if (pending) return pending
    }
    return undefined
  }

  async #workOn(pending: Promise<void>): Promise<void> {
    for (let next: Promise<void> | undefined = pending; next; next = this.#workNow()) await next
    this.#rest()
  }

  #rest(): undefined {
    this.connection.flush()
    this.#working = false
    if (this.#closing) this.#end ??= 'closing'
    if (this.#end) this.connection.end()
  }

  #perform(line: Buffer | typeof overlong): Promise<void> | undefined {
    try {
      const pending = this.#take(line)
      if (pending) this.connection.flushSoon()
      if (pending || this.connection.full) return this.#complete(pending)
    } catch (thrown) {
      this.#failed(thrown)
    }
    return undefined
  }

  /** Waits for a command, and for a client that does not take its replies. */
  async #complete(pending: Promise<void> | undefined): Promise<void> {
    try {
      await pending
      if (this.connection.full) await this.drained()
    } catch (thrown) {
      this.#failed(thrown)
    }
  }

  #take(line: Buffer | typeof overlong): Promise<void> | undefined {
    if (line === overlong) return this.reject('Line too long')
    if (this.continuation) return this.continuation(line.toString())
    const parsed = parseCommandLine(line)
    if (parsed === 'too long') return this.reject('Line too long')
    if (parsed === 'malformed') return this.reject('Malformed command')
    const command = commands.get(parsed.verb)
    if (!command) return this.reject('Unknown command')
    if (!command.states.includes(this.state)) return this.reject('Not in this state')
    return command.run(this, parsed.argument)
  }

  #failed(thrown: unknown): undefined {
    if (this.connection.closed) return
    if (thrown instanceof MailError && thrown.code === 'NO_SUCH_MESSAGE') return this.err('No such message')
    const permanent = thrown instanceof MailError && !thrown.temporary
    this.err('Internal error', permanent ? 'SYS/PERM' : 'SYS/TEMP')
  }

  ok(text: string): undefined {
    this.connection.write(okLine(text))
  }

  err(text: string, code?: ResponseCode): undefined {
    this.connection.write(errLine(text, code))
  }

  /** Refuses what is no proper command; too many of them end the session. */
  reject(text: string): undefined {
    this.continuation = undefined
    this.err(text)
    if (++this.#errors >= this.context.settings.maxErrors) this.#end = 'errors'
  }

  /** Waits until the client has taken most of the output. @throws MailError `ABORTED` when it is gone. */
  async drained(): Promise<void> {
    await this.connection.drained()
    this.#idle.touch()
  }

  /** Whether passwords may be sent over this connection. */
  get mayLogIn(): boolean {
    return this.secure || this.context.settings.allowInsecureAuth
  }

  /** Whether STLS is on offer. */
  get offersStls(): boolean {
    return this.context.tls === 'stls' && !this.secure
  }

  /** The mailbox of the user. Commands of the transaction state have one. */
  get maildrop(): Maildrop {
    if (!this.#maildrop) throw new Error('nobody is logged in')
    return this.#maildrop
  }

  /** Enters the transaction state. */
  enter(maildrop: Maildrop): void {
    this.#loginTimer.cancel()
    this.#maildrop = maildrop
    this.#account = maildrop.account
    this.state = 'transaction'
  }

  /** Takes the connection into TLS. Resolves to whether the handshake succeeded; if not, the session is over. */
  async startTls(context: SecureContext): Promise<boolean> {
    this.secure = await this.connection.startTls(context)
    if (!this.secure) this.#end ??= 'tls'
    return this.secure
  }

  /** Gives the mailbox back, once. A store that fails here lets the lock expire. */
  releaseMaildrop(): Promise<void> {
    const maildrop = this.#maildrop
    this.#maildrop = undefined
    if (maildrop) {
      this.#released = this.handlers.call('store', 'release', () => maildrop.release()).catch(() => {})
    }
    return this.#released
  }

  /** Ends the session after the replies that are under way. */
  finish(reason: SessionEnd): void {
    this.#end ??= reason
  }

  /** Ends the session at once, without a word (RFC 1939 §3). */
  cut(reason: SessionEnd): void {
    this.#end ??= reason
    this.connection.destroy()
  }

  /** Ends the session as soon as no command is under way. */
  close(): void {
    this.#closing = true
    if (this.#working) return
    this.#end ??= 'closing'
    this.connection.close()
  }

  #connectionClosed(): void {
    this.#idle.stop()
    this.#loginTimer.cancel()
    // QUIT gives the mailbox back itself, after it has deleted.
    if (this.state !== 'update') void this.releaseMaildrop()
  }
}

async function nextTurnAfter(work: Promise<void> | undefined): Promise<void> {
  await work
  await nextTurn()
}
