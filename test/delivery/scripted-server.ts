import type net from 'node:net'
import tls from 'node:tls'
import type { Listener, Network } from '../../src/core/network.js'
import { testTls } from '../fixtures/tls.js'

/** What a scripted server does at one point: says some lines, or whatever a function does. */
export type Step = string | readonly string[] | ((peer: ScriptedPeer) => unknown)

/** One step for every time, or one for each time, the last of which repeats. */
export type Steps = Step | { readonly inTurn: readonly Step[] }

/** What a scripted server does, by verb; `greeting` when a client comes, `dot` at the end of a message. */
export type Script = { readonly [Point in ScriptPoint]?: Steps } & {
  /** What the reply to EHLO offers. Default: PIPELINING, 8BITMIME and SIZE. */
  readonly extensions?: readonly string[]
}

type ScriptPoint =
  | 'greeting'
  | 'EHLO'
  | 'HELO'
  | 'STARTTLS'
  | 'MAIL'
  | 'RCPT'
  | 'DATA'
  | 'dot'
  | 'RSET'
  | 'QUIT'

/** Says nothing, ever. */
export const silence: Step = () => {}
/** Resets the connection. */
export const drop: Step = peer => peer.drop()
/** Ends the connection. */
export const hangUp: Step = peer => peer.end()
/** Goes over to TLS. */
export const startTls: Step = peer => peer.startTls()
/** Says `chunk` over and over, as fast as the client takes it. */
export const endlessly =
  (chunk: string): Step =>
  peer =>
    peer.flood(chunk.repeat(Math.ceil(4096 / chunk.length)))

const politely: { readonly [Point in ScriptPoint]: Step } = {
  greeting: '220 scripted.test ESMTP',
  EHLO: peer =>
    peer.say(
      ['scripted.test', ...peer.extensions].map(
        (line, index, all) => `250${index < all.length - 1 ? '-' : ' '}${line}`,
      ),
    ),
  HELO: '250 scripted.test',
  STARTTLS: startTls,
  MAIL: '250 2.1.0 Sender ok',
  RCPT: '250 2.1.5 Recipient ok',
  DATA: '354 Go ahead',
  dot: '250 2.0.0 Taken',
  RSET: '250 2.0.0 Flushed',
  QUIT: peer => {
    peer.say(['221 2.0.0 Bye'])
    peer.end()
  },
}

/** A server that follows a script, and remembers what it was told. */
export interface ScriptedServer {
  readonly address: string
  readonly port: number
  /** Every connection it had, the oldest first. */
  readonly connections: readonly ScriptedPeer[]
  close(): Promise<void>
}

/**
 * Starts a scripted server on a real socket.
 * @param scripts - one for all connections, or one for each in turn, the last of which repeats
 */
export async function createScriptedServer(
  network: Network,
  address: string,
  scripts: Script | readonly Script[] = {},
  port = 25,
): Promise<ScriptedServer> {
  const turns = 'length' in scripts ? scripts : [scripts]
  const connections: ScriptedPeer[] = []
  const listener: Listener = await network.listen({ host: address, port }, socket => {
    const script = turns[Math.min(connections.length, turns.length - 1)] ?? {}
    connections.push(new ScriptedPeer(socket, script))
  })
  return {
    address,
    port: listener.port,
    connections,
    close: () => {
      for (const peer of connections) peer.drop()
      return listener.close()
    },
  }
}

/** The server's side of one connection. */
export class ScriptedPeer {
  /** Command lines as they came. */
  readonly commands: string[] = []
  /** What came in one piece each, messages left out. */
  readonly pieces: string[] = []
  /** Messages as they came, dots still doubled, without the final dot. */
  readonly messages: Buffer[] = []
  readonly extensions: readonly string[]
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
  /** Octets the client let itself be told. */
  flooded = 0
  readonly #script: Script
  readonly #times = new Map<string, number>()
  readonly #raw: net.Socket
  #socket: net.Socket
  #rest: Buffer = Buffer.alloc(0)
  #inMessage = false
  /** Of a message, what came before the rest. */
  #parts: Buffer[] = []

  constructor(socket: net.Socket, script: Script) {
    this.#script = script
    this.#raw = socket
    this.#socket = socket
    this.extensions = script.extensions ?? ['PIPELINING', '8BITMIME', 'SIZE 10000000']
    this.closed = new Promise(resolve => socket.once('close', () => resolve()))
    this.#attach(socket)
    this.#act('greeting')
  }

  /** Whether the connection is encrypted. */
  get secure(): boolean {
    return this.#socket instanceof tls.TLSSocket
  }

  say(lines: readonly string[]): void {
    this.#socket.write(lines.map(line => `${line}\r\n`).join(''))
    if (lines.at(-1)?.startsWith('354')) this.#inMessage = true
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes)
  }

  drop(): void {
    this.#raw.resetAndDestroy()
  }

  end(): void {
    this.#socket.end()
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

  resumeReading(): void {
    this.#socket.resume()
  }

  /** Says go ahead and encrypts; `injected` leaves in the clear in the same write. */
  startTls(injected = ''): void {
    this.#socket.removeAllListeners('data')
    this.#socket.write(`220 2.0.0 Go ahead\r\n${injected}`)
    const secure = new tls.TLSSocket(this.#socket, { isServer: true, ...testTls })
    this.#socket = secure
    this.#rest = Buffer.alloc(0)
    this.#attach(secure)
  }

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
    this.#rest = Buffer.concat([this.#rest, chunk])
    if (!this.#inMessage) this.pieces.push(chunk.toString())
    while (this.#inMessage ? this.#readMessage() : this.#readCommand());
  }

  #readCommand(): boolean {
    const end = this.#rest.indexOf('\r\n')
    if (end === -1) return false
    const command = this.#rest.toString('utf8', 0, end)
    this.#rest = this.#rest.subarray(end + 2)
    this.commands.push(command)
    const verb = /^[A-Za-z]+/.exec(command)?.[0].toUpperCase() ?? ''
    this.#act(verb in politely ? (verb as ScriptPoint) : undefined)
    return true
  }

  #readMessage(): boolean {
    const lone = this.#parts.length === 0 && this.#rest.subarray(0, 3).toString() === '.\r\n'
    const end = lone ? -2 : this.#rest.indexOf('\r\n.\r\n')
    if (end === -1) {
      // All but what may be the beginning of the end is put aside.
      const kept = Math.max(this.#rest.length - 4, 0)
      if (kept > 0) this.#parts.push(this.#rest.subarray(0, kept))
      this.#rest = this.#rest.subarray(kept)
      return false
    }
    this.messages.push(Buffer.concat([...this.#parts, this.#rest.subarray(0, end + 2)]))
    this.#parts = []
    this.#rest = this.#rest.subarray(end + 5)
    this.#inMessage = false
    this.#act('dot')
    return true
  }

  #act(point: ScriptPoint | undefined): void {
    if (point === undefined) {
      this.say(['500 5.5.1 What?'])
      return
    }
    const steps = this.#script[point] ?? politely[point]
    const time = this.#times.get(point) ?? 0
    this.#times.set(point, time + 1)
    const step =
      typeof steps === 'object' && 'inTurn' in steps
        ? steps.inTurn[Math.min(time, steps.inTurn.length - 1)]
        : steps
    if (typeof step === 'function') step(this)
    else if (step !== undefined) this.say(typeof step === 'string' ? [step] : step)
  }
}
