import net from 'node:net'
import tls from 'node:tls'

/** One side of a dialogue over a socket, in which a test reads like the protocol. */
export class Conversation {
  #socket: net.Socket
  #received = ''
  #ended = false
  #wake: () => void = () => {}

  private constructor(socket: net.Socket) {
    this.#socket = socket
    this.#listen()
  }

  /** Connects, by TLS at once if asked. */
  static async open(port: number, options: { tls?: boolean; from?: string } = {}): Promise<Conversation> {
    const target = { port, host: '127.0.0.1', ...(options.from ? { localAddress: options.from } : {}) }
    const socket = options.tls ? tls.connect({ ...target, rejectUnauthorized: false }) : net.connect(target)
    socket.setNoDelay(true)
    const conversation = new Conversation(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once(options.tls ? 'secureConnect' : 'connect', resolve)
      socket.once('error', reject)
    })
    return conversation
  }

  /** Connects to a unix socket. */
  static async openPath(path: string): Promise<Conversation> {
    const socket = net.connect(path)
    const conversation = new Conversation(socket)
    await new Promise(resolve => socket.once('connect', resolve))
    return conversation
  }

  get socket(): net.Socket {
    return this.#socket
  }

  /** Sends bytes as they are. */
  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** Sends a line. */
  send(line: string): void {
    this.write(`${line}\r\n`)
  }

  /** Waits for the next whole reply, which must match; returns it. */
  async expect(pattern: RegExp | string): Promise<string> {
    const reply = await this.#reply()
    const fits = typeof pattern === 'string' ? reply.startsWith(pattern) : pattern.test(reply)
    if (!fits) throw new Error(`got ${JSON.stringify(reply)}, expected ${pattern}`)
    return reply
  }

  /** Sends a line and expects a reply. */
  ask(line: string, pattern: RegExp | string): Promise<string> {
    this.send(line)
    return this.expect(pattern)
  }

  /** Waits until the other side ends the connection; returns what was still said. */
  async closed(): Promise<string> {
    while (!this.#ended) await this.#more()
    return this.#received
  }

  /** What was received and not expected yet. */
  get pending(): string {
    return this.#received
  }

  /** Waits until so many characters came that were not expected yet. */
  async received(length: number): Promise<string> {
    while (this.#received.length < length && !this.#ended) await this.#more()
    return this.#received
  }

  /** Goes on by TLS, after 220 to STARTTLS. */
  async secure(): Promise<void> {
    this.#socket.removeAllListeners()
    const secured = tls.connect({ socket: this.#socket, rejectUnauthorized: false })
    this.#socket = secured
    this.#listen()
    await new Promise<void>((resolve, reject) => {
      secured.once('secureConnect', resolve)
      secured.once('error', reject)
    })
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#socket.destroy()
  }

  #listen(): void {
    this.#socket.on('data', data => {
      this.#received += data.toString()
      this.#wake()
    })
    const end = () => {
      this.#ended = true
      this.#wake()
    }
    this.#socket.on('end', end)
    this.#socket.on('close', end)
    this.#socket.on('error', end)
  }

  #more(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }

  async #reply(): Promise<string> {
    for (;;) {
      const whole = /^(?:\d{3}-[^\n]*\r\n)*\d{3} [^\n]*\r\n/.exec(this.#received)
      if (whole) {
        this.#received = this.#received.slice(whole[0].length)
        return whole[0].trimEnd()
      }
      if (this.#ended) throw new Error(`the connection ended after ${JSON.stringify(this.#received)}`)
      await this.#more()
    }
  }
}
