import net from 'node:net'

/** What a client does over and over. */
export interface Load {
  readonly port: number
  /** Connections at a time. */
  readonly connections: number
  /** Keeps connections for all its messages, or makes one for each. */
  readonly kept: boolean
  /** Sends commands without waiting for each reply (RFC 2920). */
  readonly pipelined: boolean
  /** The message, dots stuffed, up to and with the final dot. */
  readonly message: Buffer
  /** Sends so many in all, one a connection, instead of for some time. */
  readonly messages?: number
  /** Gets the milliseconds that each transaction took. */
  readonly latencies?: number[]
}

/** What is written at once, and how many replies it calls for. */
interface Step {
  readonly bytes: Buffer
  readonly replies: number
}

const greeting = step('', 1)
const ehlo = step('EHLO client.test\r\n', 1)
const mail = step('MAIL FROM:<sender@other.test>\r\n', 1)
const rcpt = step('RCPT TO:<alice@example.test>\r\n', 1)
const data = step('DATA\r\n', 1)
const quit = step('QUIT\r\n', 1)

function step(bytes: string | Buffer, replies: number): Step {
  return { bytes: Buffer.from(bytes), replies }
}

/** Sends messages for `duration` milliseconds; resolves to how many a second were accepted. */
export async function run(load: Load, duration: number): Promise<number> {
  const start = performance.now()
  const end = start + duration
  const budget = { left: load.messages ?? Number.POSITIVE_INFINITY }
  const counts = await Promise.all(Array.from({ length: load.connections }, () => worker(load, end, budget)))
  const sent = counts.reduce((sum, count) => sum + count, 0)
  return (sent * 1000) / (performance.now() - start)
}

async function worker(load: Load, end: number, budget: { left: number }): Promise<number> {
  let sent = 0
  const goesOn = () => (load.messages === undefined ? performance.now() < end : budget.left > 0)
  do {
    budget.left--
    sent += await hold(load.port, load.pipelined ? pipeline(load, end) : converse(load, end))
  } while (!load.kept && goesOn())
  return sent
}

/** What is said on a connection; gives how many messages were accepted. */
type Dialogue = Generator<Step, number, void>

function* converse(load: Load, end: number): Dialogue {
  const message = step(load.message, 1)
  let sent = 0
  yield greeting
  yield ehlo
  do {
    const begun = performance.now()
    yield mail
    yield rcpt
    yield data
    yield message
    load.latencies?.push(performance.now() - begun)
    sent++
  } while (load.kept && performance.now() < end)
  yield quit
  return sent
}

function* pipeline(load: Load, end: number): Dialogue {
  const commands = Buffer.concat([mail.bytes, rcpt.bytes, data.bytes])
  const more = step(Buffer.concat([load.message, commands]), 4)
  let sent = 0
  yield greeting
  yield ehlo
  yield step(commands, 3)
  while (load.kept && performance.now() < end) {
    yield more
    sent++
  }
  yield step(load.message, 1)
  yield quit
  return sent + 1
}

/** All sockets read into it, one after another: what it holds is used up before the next one reads. */
const readBuffer = Buffer.alloc(64 * 1024)

/**
 * Holds a dialogue. Client and servers share the processors: what the client saves is the servers', so it has no promises,
 * streams or strings between two steps.
 */
function hold(port: number, dialogue: Dialogue): Promise<number> {
  return new Promise((resolve, reject) => {
    const replies = new ReplyCounter()
    let { value: current } = dialogue.next() as IteratorYieldResult<Step>
    const take = (length: number, bytes: Uint8Array) => {
      replies.take(bytes, length)
      if (replies.refused)
        return fail(new Error(`refused: ${Buffer.from(bytes).toString('latin1', 0, length)}`))
      if (replies.count < current.replies) return true
      replies.count -= current.replies
      const { done, value } = dialogue.next()
      if (done) {
        socket.end()
        resolve(value)
      } else {
        current = value
        socket.write(value.bytes)
      }
      return true
    }
    const fail = (error: Error) => {
      socket.destroy()
      reject(error)
      return false
    }
    const socket = net.connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: readBuffer, callback: take },
    })
    socket.on('error', fail)
  })
}

const space = 0x20
const lineFeed = 0x0a

/** Counts whole replies; one of several lines ends with the line that has a space behind its code (RFC 5321 §4.2.1). */
class ReplyCounter {
  count = 0
  /** Whether one was neither 2xx nor 3xx. */
  refused = false
  #column = 0
  #isLast = false

  take(bytes: Uint8Array, length: number): void {
    for (let at = 0; at < length; at++) {
      const byte = bytes[at] as number
      if (this.#column === 0 && byte !== 0x32 && byte !== 0x33) this.refused = true
      if (this.#column === 3) this.#isLast = byte === space
      this.#column++
      if (byte !== lineFeed) continue
      this.#column = 0
      if (this.#isLast) this.count++
    }
  }
}
