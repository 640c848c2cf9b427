import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6, type Socket as TcpSocket } from 'node:net'
import { describeError, MailError } from '../../core/error.js'
import type { Closable } from '../../core/lifecycle.js'
import type { Listener } from '../../core/network.js'
import { parseOptions } from '../../core/options.js'
import { answerQuery } from './answer-query.js'
import { type DnsServerOptions, type DnsServerSettings, dnsServerOptionsSchema } from './options.js'
import { serveConnection } from './serve-connection.js'

/** A small name server: it answers for every name, with what its zone holds, over UDP and TCP on one port. */
export interface DnsServer extends Closable {
  /**
   * Opens the server.
   * @throws MailError `PORT_IN_USE`, `LISTEN_FAILED`, `ALREADY_STARTED`, `CLOSED`.
   */
  listen(options?: DnsListenOptions): Promise<DnsServerAddress>
}

/** Where a DNS server listens. */
export interface DnsListenOptions {
  /** UDP and TCP port; `0` lets the system choose. Default: `53`. */
  port?: number
  /** IP address to bind. Default: `'127.0.0.1'`. */
  host?: string
}

/** Where a DNS server listens in the end. */
export interface DnsServerAddress {
  readonly address: string
  readonly port: number
  /** Both, as `createDnsResolver({ servers })` takes them. */
  readonly server: string
}

/**
 * Creates an authoritative name server for tests and closed networks. It answers as a recursive server would, so
 * that every stub resolver can be pointed at it. It follows the zone as it changes, cuts answers that UDP cannot
 * hold, and sets AD on what the zone calls secure, for clients that ask for it.
 * @throws MailError `OPTION_INVALID`.
 */
export function createDnsServer(options: DnsServerOptions): DnsServer {
  return new ZoneServer(parseOptions('createDnsServer', dnsServerOptionsSchema(), options))
}

/** The system chooses a TCP port that may be taken for UDP; another try finds another. */
const portTries = 10

class ZoneServer implements DnsServer {
  readonly #settings: DnsServerSettings
  readonly #connections = new Set<TcpSocket>()
  #tcp: Listener | undefined
  #udp: UdpSocket | undefined
  #state: 'new' | 'open' | 'closed' = 'new'

  constructor(settings: DnsServerSettings) {
    this.#settings = settings
  }

  async listen({ port = 53, host = '127.0.0.1' }: DnsListenOptions = {}): Promise<DnsServerAddress> {
    if (this.#state === 'closed') throw new MailError('CLOSED', 'the DNS server was closed')
    if (this.#state === 'open') throw new MailError('ALREADY_STARTED', 'the DNS server listens already')
    this.#state = 'open'
    try {
      return await this.#bind(port, host)
    } catch (thrown) {
      this.#state = 'new'
      throw thrown
    }
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    const tcp = this.#tcp?.close()
    for (const socket of this.#connections) socket.destroy()
    const udp = this.#udp
    this.#udp = undefined
    if (udp) await new Promise<void>(resolve => udp.close(resolve))
    await tcp
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #bind(port: number, host: string): Promise<DnsServerAddress> {
    for (let tries = 1; ; tries++) {
      const tcp = await this.#settings.network.listen({ port, host }, socket => this.#accept(socket))
      try {
        this.#udp = await bindUdp(tcp.port, host)
        this.#tcp = tcp
        this.#udp.on('message', (bytes, peer) => {
          const reply = answerQuery(bytes, this.#settings.zone, 'udp')
          if (reply) this.#udp?.send(reply, peer.port, peer.address)
        })
        const server = isIPv6(host) ? `[${host}]:${tcp.port}` : `${host}:${tcp.port}`
        return { address: host, port: tcp.port, server }
      } catch (thrown) {
        await tcp.close()
        if (port !== 0 || tries === portTries) throw thrown
      }
    }
  }

  #accept(socket: TcpSocket): void {
    if (this.#state === 'closed' || this.#connections.size >= this.#settings.maxConnections) {
      socket.destroy()
      return
    }
    this.#connections.add(socket)
    socket.once('close', () => this.#connections.delete(socket))
    serveConnection(socket, this.#settings)
  }
}

async function bindUdp(port: number, host: string): Promise<UdpSocket> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  try {
    socket.bind(port, host)
    await once(socket, 'listening')
  } catch (thrown) {
    socket.close()
    const taken = (thrown as NodeJS.ErrnoException).code === 'EADDRINUSE'
    const message = `cannot listen on UDP ${host}:${port}: ${describeError(thrown)}`
    throw new MailError(taken ? 'PORT_IN_USE' : 'LISTEN_FAILED', message, { cause: thrown })
  }
  // A packet that could not be sent concerns its receiver only.
  socket.on('error', () => {})
  return socket
}
