import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type Answer, encodePacket, flag, headerSize } from '../../src/dns/packet.js'

/** What a scripted server was asked. */
export interface Asked {
  readonly bytes: Buffer
  readonly transport: 'udp' | 'tcp'
  readonly port: number
  readonly id: number
  readonly name: string
}

/** Packets to send for a question, none for silence, or what to do with the TCP connection. */
export type Script = (asked: Asked, socket?: Socket) => Buffer | Buffer[] | undefined

/** Where nobody listens: a port that the system gives to no one. */
export const closedPort = '127.0.0.1:1'

/** A name server that follows a script: what no honest server would send. */
export async function startScriptedServer(script: Script) {
  const questions: Asked[] = []
  const ask = (bytes: Buffer, transport: 'udp' | 'tcp', port: number, socket?: Socket) => {
    const asked = { bytes, transport, port, id: bytes.readUInt16BE(0), name: nameIn(bytes) }
    questions.push(asked)
    return [script(asked, socket) ?? []].flat()
  }
  const sockets = new Set<Socket>()
  const tcp = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', chunk => {
      for (const packet of ask(chunk.subarray(2), 'tcp', socket.remotePort ?? 0, socket)) {
        const length = Buffer.alloc(2)
        length.writeUInt16BE(packet.length)
        socket.write(Buffer.concat([length, packet]))
      }
    })
  })
  const { port, udp } = await bindBoth(tcp)
  udp.on('message', (bytes, peer) => {
    for (const packet of ask(bytes, 'udp', peer.port)) udp.send(packet, peer.port, peer.address)
  })
  return {
    address: `127.0.0.1:${port}`,
    questions,
    async close() {
      for (const socket of sockets) socket.destroy()
      await Promise.all([
        new Promise<void>(resolve => udp.close(resolve)),
        new Promise(resolve => tcp.close(resolve)),
      ])
    },
  }
}

/** Listens on TCP and UDP ports of one number; that of UDP may be taken, then another is tried. */
async function bindBoth(tcp: Server) {
  for (;;) {
    tcp.listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    const { port } = tcp.address() as AddressInfo
    const udp = createSocket('udp4')
    try {
      udp.bind(port, '127.0.0.1')
      await once(udp, 'listening')
      return { port, udp }
    } catch {
      udp.close()
      await new Promise(resolve => tcp.close(resolve))
    }
  }
}

/** A reply to a question, its octets repeated. */
export function replyTo(
  asked: Asked,
  { rcode = 0, flags = 0, answers = [] as Answer[], authorities = [] as Answer[], id = asked.id } = {},
): Buffer {
  const reply = encodePacket({
    type: 'response',
    id,
    flags: rcode | flags | flag.recursionAvailable,
    questions: [{ name: asked.name, type: 'A' }],
    answers,
    authorities,
  })
  const end = asked.bytes.indexOf(0, headerSize) + 5
  asked.bytes.copy(reply, headerSize, headerSize, end)
  return reply
}

/** An MX record of a reply. */
export function mxAnswer(name: string, exchange: string, ttl = 300): Answer {
  return { type: 'MX', name, ttl, data: { preference: 10, exchange } }
}

function nameIn(query: Buffer): string {
  const labels: string[] = []
  for (let at = headerSize; query[at]; at += (query[at] ?? 0) + 1) {
    labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)))
  }
  return labels.join('.')
}
