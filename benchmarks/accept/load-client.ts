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

const mail = 'MAIL FROM:<sender@other.test>\r\n'
const rcpt = 'RCPT TO:<alice@example.test>\r\n'

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
    const dialogue = await connect(load.port)
    await dialogue.ask('EHLO client.test\r\n', 1)
    sent += load.pipelined ? await pipeline(dialogue, load, end) : await converse(dialogue, load, end)
    await dialogue.ask('QUIT\r\n', 1)
    dialogue.end()
  } while (!load.kept && goesOn())
  return sent
}

async function converse(dialogue: Dialogue, load: Load, end: number): Promise<number> {
  let sent = 0
  do {
    const begun = performance.now()
    await dialogue.ask(mail, 1)
    await dialogue.ask(rcpt, 1)
    await dialogue.ask('DATA\r\n', 1)
    await dialogue.ask(load.message, 1)
    load.latencies?.push(performance.now() - begun)
    sent++
  } while (load.kept && performance.now() < end)
  return sent
}

async function pipeline(dialogue: Dialogue, load: Load, end: number): Promise<number> {
  const commands = Buffer.from(`${mail}${rcpt}DATA\r\n`)
  const more = Buffer.concat([load.message, commands])
  let sent = 0
  await dialogue.ask(commands, 3)
  while (load.kept && performance.now() < end) {
    await dialogue.ask(more, 4)
    sent++
  }
  await dialogue.ask(load.message, 1)
  return sent + 1
}

interface Dialogue {
  /** Writes, and waits for so many replies. */
  ask(bytes: string | Buffer, replies: number): Promise<void>
  end(): void
}

function connect(port: number): Promise<Dialogue> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    let missing = 1
    let rest = ''
    let settle: { done: () => void; fail: (error: Error) => void } = {
      done: () => resolve(dialogue),
      fail: reject,
    }
    const dialogue: Dialogue = {
      ask: (bytes, replies) =>
        new Promise((done, fail) => {
          missing = replies
          settle = { done, fail }
          socket.write(bytes)
        }),
      end: () => socket.end(),
    }
    socket.on('data', data => {
      const lines = (rest + data.toString('latin1')).split('\r\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line[0] !== '2' && line[0] !== '3') settle.fail(new Error(`refused: ${line}`))
        if (line[3] === ' ') missing--
      }
      if (missing === 0) settle.done()
    })
    socket.on('error', error => settle.fail(error))
  })
}
