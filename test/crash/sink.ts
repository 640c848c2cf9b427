import { once } from 'node:events'
import net from 'node:net'
import { readLetter } from './letter.js'

/** A server of somebody else that takes mail and counts it; now and then it says to come again. */
export interface Sink {
  readonly port: number
  /** How often each letter came, by `<id> <recipient>`. */
  readonly received: ReadonlyMap<string, number>
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
  const sockets = new Set<net.Socket>()
  const server = net.createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    const receive = (key: string) => received.set(key, (received.get(key) ?? 0) + 1)
    converse(socket, random, receive, options)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  return {
    port,
    received,
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
  receive: (key: string) => void,
  { opened, notice = () => true }: SinkOptions,
): void {
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
    if (verb === 'MAIL') recipients = []
    if (verb === 'RCPT') {
      if (random() < 0.1) return '451 4.2.0 Come again'
      recipients.push(/<(.*?)>/.exec(command)?.[1] ?? '')
    }
    inMessage = verb === 'DATA'
    return inMessage ? '354 Go on' : '250 OK'
  }

  function endMessage(text: string): void {
    inMessage = false
    const id = readLetter(Buffer.from(text, 'latin1'))
    for (const recipient of recipients) receive(`${id} ${recipient}`)
    if (!notice('dot')) return
    socket.write('250 Taken\r\n', () => notice('answered'))
  }
}
