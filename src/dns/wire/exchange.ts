import { createSocket } from 'node:dgram'
import { describeError } from '../../core/error.js'
import type { Network } from '../../core/network.js'
import { framePacket } from '../packet.js'
import type { DnsFailure } from '../resolver.js'
import { type Reply, readReply } from './reply.js'
import { formatServerAddress, type ServerAddress } from './server-address.js'

/** One question to one server. */
export interface Exchange {
  readonly server: ServerAddress
  /** The packet to send. */
  readonly query: Buffer
  /** Whether the reply must repeat the name in the very case it was asked. */
  readonly exactCase: boolean
  /** Ends the exchange; it then resolves to a failure with the reason `timeout`. */
  readonly signal: AbortSignal
}

/** Asks over UDP, from a port of its own (RFC 5452 §9.2), and waits past everything that is not the reply. */
export function askOverUdp(exchange: Exchange): Promise<Reply | DnsFailure> {
  const { server, query, exactCase, signal } = exchange
  return new Promise(resolve => {
    const socket = createSocket(server.family === 6 ? 'udp6' : 'udp4')
    let open = true
    const end = (outcome: Reply | DnsFailure) => {
      if (!open) return
      open = false
      signal.removeEventListener('abort', silent)
      socket.close()
      resolve(outcome)
    }
    const silent = () => end(failure(server, 'timeout', 'no answer in time'))
    socket.on('error', error => end(failure(server, 'unreachable', describeError(error))))
    socket.on('message', bytes => {
      const reply = tryReadReply(bytes, exchange, exactCase)
      if (reply) end(reply)
    })
    socket.once('connect', () => open && socket.send(query))
    signal.addEventListener('abort', silent, { once: true })
    // Connected, so that packets from elsewhere never arrive and a closed port is heard of at once.
    if (signal.aborted) silent()
    else socket.connect(server.port, server.address)
  })
}

/** Asks over TCP, for a reply that UDP could not hold (RFC 7766). */
export async function askOverTcp(exchange: Exchange, network: Network): Promise<Reply | DnsFailure> {
  const { server, query, exactCase, signal } = exchange
  try {
    const socket = await network.connect({ host: server.address, port: server.port, signal })
    return await new Promise(resolve => {
      const chunks: Buffer[] = []
      let received = 0
      const end = (outcome: Reply | DnsFailure) => {
        signal.removeEventListener('abort', silent)
        socket.destroy()
        resolve(outcome)
      }
      const silent = () => end(failure(server, 'timeout', 'no whole answer over TCP in time'))
      socket.on('error', error => end(failure(server, 'unreachable', describeError(error))))
      socket.on('close', () => end(failure(server, 'unreachable', 'closed the connection')))
      socket.on('data', chunk => {
        chunks.push(chunk)
        received += chunk.length
        const size = sizeOfPacket(chunks)
        if (size === undefined || received < size + 2) return
        const reply = tryReadReply(Buffer.concat(chunks).subarray(2, size + 2), exchange, exactCase)
        end(reply ?? failure(server, 'malformed', 'answered another question over TCP'))
      })
      signal.addEventListener('abort', silent, { once: true })
      if (signal.aborted) silent()
      else socket.write(framePacket(query))
    })
  } catch (thrown) {
    return failure(server, signal.aborted ? 'timeout' : 'unreachable', describeError(thrown))
  }
}

/** What the two octets before a packet say, once both are there. */
function sizeOfPacket([first, second]: Buffer[]): number | undefined {
  const [high, low = second?.[0]] = first ?? []
  return high === undefined || low === undefined ? undefined : (high << 8) | low
}

function tryReadReply(
  bytes: Buffer,
  { server, query }: Exchange,
  exactCase: boolean,
): Reply | DnsFailure | undefined {
  try {
    return readReply(bytes, query, exactCase)
  } catch (thrown) {
    return failure(server, 'malformed', describeError(thrown))
  }
}

/** A failure of one server. */
export function failure(server: ServerAddress, reason: DnsFailure['reason'], what: string): DnsFailure {
  return { status: 'temporary-failure', reason, detail: `${formatServerAddress(server)}: ${what}` }
}
