import { once } from 'node:events'
import net from 'node:net'

/** A session that asks and counts. */
export class Pop3Client {
  readonly #socket: net.Socket
  #waiting: { replies: number; many: boolean; done: () => void; fail: (error: Error) => void } | undefined
  #rest: Buffer = Buffer.alloc(0)

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', data => this.#read(data))
    socket.on('error', error => this.#waiting?.fail(error))
  }

  static async connect(port: number): Promise<Pop3Client> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    const client = new Pop3Client(socket)
    await client.ask('', false)
    return client
  }

  /** Writes commands, and waits for as many replies, each of one line or, with `many`, up to a dot alone. */
  ask(commands: string, many: boolean, replies = 1): Promise<void> {
    return new Promise((done, fail) => {
      this.#waiting = { replies, many, done, fail }
      if (commands) this.#socket.write(commands)
    })
  }

  async end(): Promise<void> {
    this.#socket.end()
    if (!this.#socket.destroyed) await once(this.#socket, 'close')
  }

  #read(data: Buffer): void {
    let rest: Buffer = this.#rest.length > 0 ? Buffer.concat([this.#rest, data]) : data
    const waiting = this.#waiting
    while (waiting && waiting.replies > 0 && rest.length > 0) {
      if (rest[0] === 0x2d) waiting.fail(new Error(`refused: ${rest.toString('latin1', 0, 80)}`))
      const ending = waiting.many ? '\r\n.\r\n' : '\r\n'
      const at = rest.indexOf(ending)
      if (at < 0) break
      rest = rest.subarray(at + ending.length)
      if (--waiting.replies === 0) waiting.done()
    }
    this.#rest = rest
  }
}
