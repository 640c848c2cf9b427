import { once } from 'node:events'
import net from 'node:net'

const nothing = Buffer.alloc(0)

interface Waiting {
  replies: number
  readonly ending: string
  readonly done: () => void
  readonly fail: (error: Error) => void
}

/**
 * A session that asks and counts. It does as little as it can, as what it takes is a part of what is measured: it reads
 * into one buffer, and keeps no more of a reply than what may be the beginning of its end.
 */
export class Pop3Client {
  readonly #socket: net.Socket
  #waiting: Waiting | undefined
  #tail: Buffer = nothing
  #inReply = false

  private constructor(port: number) {
    const buffer = Buffer.allocUnsafe(64 * 1024)
    const read = (length: number) => {
      this.#read(buffer.subarray(0, length))
      return true
    }
    this.#socket = net.connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer, callback: read },
    })
    this.#socket.on('error', error => this.#waiting?.fail(error))
  }

  static async connect(port: number): Promise<Pop3Client> {
    const client = new Pop3Client(port)
    await client.ask('', false)
    return client
  }

  /** Writes commands, and waits for as many replies, each of one line or, with `many`, up to a dot alone. */
  ask(commands: string, many: boolean, replies = 1): Promise<void> {
    return new Promise((done, fail) => {
      this.#waiting = { replies, ending: many ? '\r\n.\r\n' : '\r\n', done, fail }
      if (commands) this.#socket.write(commands, 'latin1')
    })
  }

  async end(): Promise<void> {
    this.#socket.end()
    if (!this.#socket.destroyed) await once(this.#socket, 'close')
  }

  #read(chunk: Buffer): void {
    const waiting = this.#waiting
    if (!waiting) return
    let rest = this.#tail.length > 0 ? Buffer.concat([this.#tail, chunk]) : chunk
    while (waiting.replies > 0 && rest.length > 0) {
      if (!this.#inReply && rest[0] === 0x2d)
        waiting.fail(new Error(`refused: ${rest.toString('latin1', 0, 80)}`))
      const end = rest.indexOf(waiting.ending)
      this.#inReply = end < 0
      if (end < 0) break
      rest = rest.subarray(end + waiting.ending.length)
      if (--waiting.replies === 0) waiting.done()
    }
    this.#tail = Buffer.from(rest.subarray(Math.max(rest.length - waiting.ending.length + 1, 0)))
  }
}
