import type net from 'node:net'
import tls from 'node:tls'
import type { Clock, Timer } from '../../core/clock.js'
import { formatDuration } from '../../core/duration.js'
import { describeError, MailError } from '../../core/error.js'
import type { Reply } from '../../core/reply.js'
import { ReplyReader } from './reply-reader.js'

/** Hears what is said on a wire. For logs; lines come as they are, without their CRLF. */
export interface Dialogue {
  sent(line: string): void
  received(reply: Reply): void
}

/** How long QUIT may take to leave, in milliseconds. */
const goodbyeLimit = 5_000

type Awaited = 'reply' | 'drain' | 'handshake'

interface Waiter {
  readonly for: Awaited
  readonly resolve: (value: Reply | undefined) => void
  readonly reject: (error: MailError) => void
  readonly timer: Timer
}

/**
 * The client's end of an SMTP connection: commands out, replies in, each wait with its deadline on the clock. Once it
 * has failed it stays so, and its socket is destroyed.
 */
export class SmtpWire {
  readonly #clock: Clock
  readonly #reader = new ReplyReader()
  readonly #replies: Reply[] = []
  #dialogue: Dialogue | undefined
  #socket: net.Socket
  /** Replies still to come to what was sent; the greeting is the first. */
  #outstanding = 1
  #early: Reply | undefined
  #startingTls = false
  #failure: MailError | undefined
  #waiter: Waiter | undefined
  #onTrouble: (() => void) | undefined

  constructor(socket: net.Socket, clock: Clock, dialogue?: Dialogue) {
    this.#clock = clock
    this.#dialogue = dialogue
    this.#socket = socket
    this.#attach(socket)
  }

  /** What ended the connection, if something did. */
  get failure(): MailError | undefined {
    return this.#failure
  }

  /**
   * A reply to nothing, as servers send before they hang up (`421`) or when they want no more of a message (`552`).
   * The conversation is out of step from then on.
   */
  get early(): Reply | undefined {
    return this.#early
  }

  /** Whether nothing is due from the server and the connection is whole. */
  get idle(): boolean {
    return !this.#failure && !this.#early && this.#outstanding === 0
  }

  /** Who hears the conversation from now on. */
  listen(dialogue: Dialogue | undefined): void {
    this.#dialogue = dialogue
  }

  /** Calls `listener` when the connection fails or the server speaks out of turn; `undefined` ends it. */
  watch(listener: (() => void) | undefined): void {
    this.#onTrouble = listener
  }

  /** Resolves when the connection fails or the server speaks out of turn. */
  broken(): Promise<undefined> {
    return new Promise(resolve => {
      const stop = () => resolve(undefined)
      if (this.#failure || this.#early) stop()
      else this.watch(stop)
    })
  }

  /**
   * Sends commands, without their CRLF, in one write. As many replies are then due. `heard` is what a log is told
   * instead of a command that holds a secret.
   */
  send(commands: readonly string[], heard: readonly string[] = commands): void {
    this.#outstanding += commands.length
    this.#startingTls = commands[0] === 'STARTTLS'
    if (this.#dialogue) for (const command of heard) this.#dialogue.sent(command)
    if (!this.#failure) this.#socket.write(`${commands.join('\r\n')}\r\n`)
  }

  /**
   * The next reply.
   * @throws MailError `TIMEOUT` after `limit` milliseconds, `CONNECTION_LOST`, `PROTOCOL`, `ABORTED`.
   */
  async reply(limit: number, during: string): Promise<Reply> {
    const ready = this.#replies.shift() ?? this.#early
    const reply = ready ?? (await this.#wait('reply', limit, during))
    if (reply && (reply !== this.#early || reply.code === 421)) return reply
    const error = new MailError('PROTOCOL', `the server replied out of turn during ${during}`)
    this.fail(error)
    throw error
  }

  /** Writes part of a message; resolves when more may follow. @throws as {@link SmtpWire.reply}. */
  async write(bytes: Uint8Array, limit: number, during: string): Promise<void> {
    if (this.#failure) throw this.#failure
    if (!this.#socket.write(bytes)) await this.#wait('drain', limit, during)
  }

  /** Writes the end of a message, after which its reply is due, or one for each recipient (RFC 2033 §4.2). */
  writeEnd(bytes: Uint8Array, replies = 1): void {
    this.#outstanding += replies
    this.#dialogue?.sent('.')
    this.#socket.write(bytes)
  }

  /**
   * Encrypts the connection (RFC 3207). What the server sent before the handshake is forgotten: it may have been
   * slipped in by somebody else (CVE-2011-0411 and its kin).
   * @throws as {@link SmtpWire.reply}.
   */
  async startTls(options: tls.ConnectionOptions, limit: number): Promise<tls.TLSSocket> {
    this.#socket.removeAllListeners()
    this.#socket.on('error', () => {})
    this.#reader.clear()
    this.#replies.length = 0
    this.#startingTls = false
    const secure = tls.connect({ ...options, socket: this.#socket })
    this.#socket = secure
    this.#attach(secure)
    secure.once('secureConnect', () => this.#resolve('handshake'))
    await this.#wait('handshake', limit, 'the TLS handshake')
    return secure
  }

  /** Lets the process end while the connection is kept for later, or not. */
  keepAlive(keep: boolean): void {
    if (keep) this.#socket.ref()
    else this.#socket.unref()
  }

  /** Says goodbye and closes, without waiting for the answer (as Postfix does: `smtp_skip_quit_response`). */
  quit(): void {
    if (this.#failure) return
    this.#dialogue?.sent('QUIT')
    const socket = this.#socket
    socket.pause()
    socket.write('QUIT\r\n')
    socket.destroySoon()
    // A server that reads no more would keep it open for ever.
    const timer = this.#clock.schedule(goodbyeLimit, () => socket.destroy())
    socket.once('close', () => timer.cancel())
    this.#settle(
      new MailError('CONNECTION_LOST', 'the connection was closed after QUIT', { temporary: true }),
    )
  }

  /** Ends the connection; what waits on it fails with `error`. */
  fail(error: MailError): void {
    this.#settle(error)
    this.#socket.destroy()
  }

  #settle(error: MailError): void {
    if (this.#failure) return
    this.#failure = error
    const waiter = this.#takeWaiter()
    waiter?.reject(error)
    this.#onTrouble?.()
  }

  #attach(socket: net.Socket): void {
    socket.on('data', chunk => this.#read(chunk))
    socket.on('drain', () => this.#resolve('drain'))
    socket.on('error', error => this.fail(lost(describeError(error), error)))
    socket.on('end', () => this.fail(lost('the server closed it')))
    socket.on('close', () => this.fail(lost('it was closed')))
  }

  #read(chunk: Buffer): void {
    try {
      for (const reply of this.#reader.push(chunk)) {
        this.#take(reply)
        // What stands behind the consent to STARTTLS is no reply, or none of the server's.
        if (this.#startingTls && reply.code < 300) break
      }
    } catch (error) {
      this.fail(error as MailError)
    }
  }

  #take(reply: Reply): void {
    this.#dialogue?.received(reply)
    if (this.#outstanding === 0) {
      this.#takeEarly(reply)
      return
    }
    this.#outstanding--
    if (this.#waiter?.for === 'reply') this.#takeWaiter()?.resolve(reply)
    else this.#replies.push(reply)
  }

  #takeEarly(reply: Reply): void {
    this.#early ??= reply
    this.#takeWaiter()?.resolve(reply)
    this.#onTrouble?.()
  }

  #wait(what: Awaited, limit: number, during: string): Promise<Reply | undefined> {
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      const timer = this.#clock.schedule(limit, () =>
        this.fail(
          new MailError('TIMEOUT', `${during} took longer than ${formatDuration(limit)}`, {
            temporary: true,
          }),
        ),
      )
      this.#waiter = { for: what, resolve, reject, timer }
    })
  }

  #resolve(what: Awaited): void {
    if (this.#waiter?.for === what) this.#takeWaiter()?.resolve(undefined)
  }

  #takeWaiter(): Waiter | undefined {
    const waiter = this.#waiter
    this.#waiter = undefined
    waiter?.timer.cancel()
    return waiter
  }
}

function lost(why: string, cause?: Error): MailError {
  return new MailError('CONNECTION_LOST', `the connection was lost: ${why}`, { temporary: true, cause })
}
