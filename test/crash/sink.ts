import { once } from 'node:events'
import net from 'node:net'
import { keyOf, type Mail, readMail } from './letter.js'

/**
 * A server of somebody else that takes mail and counts it. Now and then it says to come again, or refuses a recipient for
 * good; bounces it never refuses.
 */
export interface Sink {
  readonly port: number
  /** How often each message came, by {@link keyOf}. */
  readonly received: ReadonlyMap<string, number>
  /** What each bounce that came returns. */
  readonly bounces: ReadonlyMap<string, readonly string[]>
  close(): Promise<void>
}

/** How far a delivery has come: greeted, a recipient named, the message asked for, taken with nobody told yet, told of. */
export type SinkStage = 'connected' | 'rcpt' | 'data' | 'dot' | 'answered'

export interface SinkOptions {
  /** Nobody is greeted before. */
  readonly opened?: Promise<unknown>
  /** Hears of every stage; `false` leaves the client without the answer that is next. */
  readonly notice?: (stage: SinkStage) => boolean
}

export async function createSink(random: () => number, options: SinkOptions = {}): Promise<Sink> {
  const received = new Map<string, number>()
  const bounces = new Map<string, readonly string[]>()
  const sockets = new Set<net.Socket>()
  const server = net.createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    const receive = ({ name, returns }: Mail, recipient: string) => {
      const key = keyOf(name, recipient)
      received.set(key, (received.get(key) ?? 0) + 1)
      if (returns) bounces.set(key, returns)
    }
    converse(socket, random, receive, options)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  return {
    port,
    received,
    bounces,
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

function converse(
  socket: net.Socket,
  random: () => number,
  receive: (mail: Mail, recipient: string) => void,
  { opened, notice = () => true }: SinkOptions,
): void {
  let sender = ''
  let recipients: string[] = []
  let rest = ''
  let inMessage = false
  void Promise.resolve(opened).then(() => notice('connected') && socket.write('220 sink.test\r\n'))
  socket.on('data', data => {
    rest += data.toString('latin1')
    for (;;) {
      const ending = inMessage ? '\r\n.\r\n' : '\r\n'
      const end = rest.indexOf(ending)
      if (end < 0) return
      const taken = rest.slice(0, end)
      rest = rest.slice(end + ending.length)
      if (inMessage) endMessage(`${taken}\r\n`)
      else converseOn(taken)
    }
  })

  function converseOn(command: string): void {
    const reply = answer(command)
    const stage = command.startsWith('RCPT') ? 'rcpt' : inMessage ? 'data' : undefined
    if (!stage || notice(stage)) socket.write(`${reply}\r\n`)
  }

  function answer(command: string): string {
    const verb = command.slice(0, 4).toUpperCase()
    const address = /<(.*?)>/.exec(command)?.[1] ?? ''
    if (verb === 'MAIL') {
      sender = address
      recipients = []
    }
    if (verb === 'RCPT') {
      const luck = random()
      if (luck < 0.1) return '451 4.2.0 Come again'
      if (luck < 0.2 && sender !== '') return '550 5.1.1 Nobody of that name'
      recipients.push(address)
    }
    inMessage = verb === 'DATA'
    return inMessage ? '354 Go on' : '250 OK'
  }

  function endMessage(text: string): void {
    inMessage = false
    const mail = readMail(Buffer.from(text, 'latin1'))
    for (const recipient of recipients) receive(mail, recipient)
    if (!notice('dot')) return
    socket.write('250 Taken\r\n', () => notice('answered'))
  }
}
