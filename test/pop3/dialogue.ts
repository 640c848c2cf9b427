import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { onTestFinished } from 'vitest'
import { createAccounts } from '../../src/accounts/static/create-accounts.js'
import { createLoginThrottle } from '../../src/core/login-throttle.js'
import type { Listener } from '../../src/core/network.js'
import {
  createPop3Server,
  type Pop3ListenOptions,
  type Pop3Server,
} from '../../src/pop3/create-pop3-server.js'
import type { Pop3ServerEvents } from '../../src/pop3/events.js'
import type { Pop3ServerOptions } from '../../src/pop3/options.js'
import { createMailStore } from '../../src/store/create-mail-store.js'
import type { MailStore } from '../../src/store/mail-store.js'

/** A client that speaks line by line, over a real socket. Waiting is for what the server sends, never for time. */
export class Dialogue {
  #socket: net.Socket
  #received = Buffer.alloc(0)
  #wake = () => {}
  closed = false

  constructor(socket: net.Socket) {
    this.#socket = socket
    this.listen()
  }

  get socket(): net.Socket {
    return this.#socket
  }

  send(...lines: string[]): void {
    this.#socket.write(lines.map(line => `${line}\r\n`).join(''))
  }

  raw(bytes: string | Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** The next line, without CRLF. Fails when the connection ends first. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#received.indexOf('\r\n')
      if (end >= 0)
        return this.#take(end + 2)
          .toString()
          .slice(0, -2)
      if (this.closed) throw new Error(`closed after ${JSON.stringify(this.#received.toString())}`)
      await this.#change()
    }
  }

  /** Sends a line and gives the reply. */
  ask(line: string): Promise<string> {
    this.send(line)
    return this.line()
  }

  /** Lines up to the dot, unstuffed, after the first. */
  async rest(): Promise<string[]> {
    const lines: string[] = []
    for (let line = await this.line(); line !== '.'; line = await this.line()) {
      lines.push(line.startsWith('.') ? line.slice(1) : line)
    }
    return lines
  }

  /** Sends a line and gives the lines of its multi-line reply, after the first. */
  async askMany(line: string): Promise<string[]> {
    const first = await this.ask(line)
    if (!first.startsWith('+OK')) throw new Error(first)
    return this.rest()
  }

  /** Raw bytes up to and including `end`. */
  async until(end: string): Promise<string> {
    for (;;) {
      const at = this.#received.indexOf(end)
      if (at >= 0) return this.#take(at + end.length).toString('latin1')
      if (this.closed) throw new Error(`closed after ${JSON.stringify(this.#received.toString())}`)
      await this.#change()
    }
  }

  async login(user = 'alice', password = 'secret'): Promise<string> {
    this.send(`USER ${user}`, `PASS ${password}`)
    await this.line()
    return this.line()
  }

  /** Waits for the server's end of the connection; gives what came before. */
  async end(): Promise<string> {
    while (!this.closed) await this.#change()
    return this.#received.toString()
  }

  async startTls(): Promise<void> {
    this.#socket.removeAllListeners('data')
    const secure = tls.connect({ socket: this.#socket, rejectUnauthorized: false })
    await once(secure, 'secureConnect')
    this.#socket = secure
    this.listen()
  }

  /** Takes what the socket gives, again after somebody else did. */
  listen(): void {
    const socket = this.#socket
    socket.on('data', chunk => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#wake()
    })
  }

  #take(length: number): Buffer {
    const taken = this.#received.subarray(0, length)
    this.#received = this.#received.subarray(length)
    return taken
  }

  #change(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }
}

export interface Pop3Setup {
  readonly server: Pop3Server
  readonly store: MailStore
  readonly listener: Listener
  /** Connects; the greeting is read already. */
  connect(): Promise<Dialogue>
  /** Connects and logs in as alice. */
  loggedIn(): Promise<Dialogue>
  /** The payload of the next event. */
  next<Name extends keyof Pop3ServerEvents>(event: Name): Promise<Pop3ServerEvents[Name]>
}

export interface SetupOptions extends Partial<Pop3ServerOptions> {
  readonly listen?: Pop3ListenOptions
  /** Messages in alice's INBOX. */
  readonly messages?: readonly string[]
  readonly mailStore?: MailStore
}

/** A server on loopback with the users alice and bob, whose passwords are `secret`; ended with the test. */
export async function pop3(options: SetupOptions = {}): Promise<Pop3Setup> {
  const { listen, messages = [], mailStore = createMailStore(), ...server } = options
  for (const message of messages) await mailStore.append('alice', message)
  const pop3Server = createPop3Server({
    accounts: createAccounts({
      users: [
        { name: 'alice', password: 'secret' },
        { name: 'bob', password: 'secret' },
      ],
    }),
    store: mailStore,
    allowInsecureAuth: true,
    loginThrottle: createLoginThrottle({ delay: 0 }),
    ...server,
  })
  const listener = await pop3Server.listen({ port: 0, host: '127.0.0.1', ...listen })
  const connect = () => dial(listener)
  onTestFinished(async () => {
    await pop3Server.close({ grace: 0 })
    await mailStore.close()
  })
  return {
    server: pop3Server,
    store: mailStore,
    listener,
    connect,
    loggedIn: async () => {
      const client = await connect()
      await client.login()
      return client
    },
    next: event => new Promise(resolve => pop3Server.once(event, resolve)),
  }
}

/** Connects to a listener and reads the greeting. */
export async function dial(listener: Listener): Promise<Dialogue> {
  const client = await dialSilently(listener)
  await client.line()
  return client
}

/** Connects to a listener and reads nothing. */
export async function dialSilently(listener: Listener): Promise<Dialogue> {
  const socket = net.connect(listener.port, '127.0.0.1')
  onTestFinished(() => {
    socket.destroy()
  })
  await once(socket, 'connect')
  return new Dialogue(socket)
}

/** Connects to a listener with TLS from the first octet, and reads the greeting. */
export async function dialTls(listener: Listener): Promise<Dialogue> {
  const socket = tls.connect({ port: listener.port, host: '127.0.0.1', rejectUnauthorized: false })
  onTestFinished(() => {
    socket.destroy()
  })
  await once(socket, 'secureConnect')
  const client = new Dialogue(socket)
  await client.line()
  return client
}
