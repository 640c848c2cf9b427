import type net from 'node:net'
import { MailError } from './error.js'
import {
  type ConnectionHandler,
  type ConnectOptions,
  connectError,
  type Listener,
  type ListenOptions,
  type Network,
  nodeNetwork,
  peerOf,
} from './network.js'

/**
 * An internet of its own inside the process: hosts with addresses of their own and any port, 25 included.
 * Behind each listener stands a real socket on loopback with a port of the system's choice, so TLS, back
 * pressure and resets are the real ones and no packet leaves the machine.
 */
export interface SimulatedNetwork {
  /**
   * The network as the host with these addresses sees it: it listens on them, and what it connects to sees
   * the first address of the same family as its peer.
   */
  host(...addresses: string[]): Network
  /**
   * The real loopback port behind an address and port, for a client from outside the simulation.
   * `undefined` when nobody listens.
   */
  realPort(address: string, port: number): number | undefined
  /** Cuts an address off: connections to it fail with ETIMEDOUT, as behind a dead router. */
  unplug(address: string): void
  /** Ends {@link SimulatedNetwork.unplug}. */
  plug(address: string): void
}

interface Endpoint {
  realPort: number
}

const loopback = '127.0.0.1'
const firstFreePort = 49_152

/** Creates an internet of its own inside the process. */
export function createSimulatedNetwork(): SimulatedNetwork {
  return new LoopbackInternet()
}

class LoopbackInternet implements SimulatedNetwork {
  readonly #endpoints = new Map<string, Endpoint>()
  /** Real local port of a connecting socket → the address and port it has in the simulation. */
  readonly #callers = new Map<number, string>()
  readonly #unplugged = new Set<string>()
  #nextPort = firstFreePort

  host(...addresses: string[]): Network {
    return {
      listen: (options, onConnection) => this.#listen(addresses, options, onConnection),
      connect: options => this.#connect(addresses, options),
    }
  }

  realPort(address: string, port: number): number | undefined {
    return this.#endpoints.get(key(address, port))?.realPort
  }

  unplug(address: string): void {
    this.#unplugged.add(address)
  }

  plug(address: string): void {
    this.#unplugged.delete(address)
  }

  async #listen(own: string[], options: ListenOptions, onConnection: ConnectionHandler): Promise<Listener> {
    if (options.path !== undefined) return nodeNetwork.listen(options, onConnection)
    const addresses = isAnyAddress(options.host) ? own : [options.host]
    const port = options.port || this.#nextPort++
    const taken = addresses.find(address => this.#endpoints.has(key(address, port)))
    if (taken !== undefined) {
      throw new MailError('PORT_IN_USE', `cannot listen on ${taken}:${port}: another host listens there`)
    }
    const localAddress = addresses[0] ?? loopback
    const listener = await nodeNetwork.listen({ host: loopback, port: 0 }, socket => {
      // The caller is known once its own side has seen the connection, which is later in this turn at most.
      setImmediate(() => {
        const peer = peerOf(socket)
        const caller = this.#callers.get(peer.remotePort)
        onConnection(socket, {
          ...peer,
          remoteAddress: caller ?? peer.remoteAddress,
          localAddress,
          localPort: port,
        })
      })
    })
    for (const address of addresses) this.#endpoints.set(key(address, port), { realPort: listener.port })
    return {
      address: localAddress,
      port,
      close: () => {
        for (const address of addresses) this.#endpoints.delete(key(address, port))
        return listener.close()
      },
    }
  }

  async #connect(own: string[], options: ConnectOptions): Promise<net.Socket> {
    if (options.path !== undefined) return nodeNetwork.connect(options)
    const host = options.host ?? ''
    if (this.#unplugged.has(host)) throw connectError(options, systemError('ETIMEDOUT'))
    const endpoint = this.#endpoints.get(key(host, options.port ?? 0))
    if (!endpoint) throw connectError(options, systemError('ECONNREFUSED'))
    const source =
      options.localAddress ?? own.find(address => address.includes(':') === host.includes(':')) ?? own[0]
    return this.#dial(endpoint, source, options)
  }

  async #dial(endpoint: Endpoint, source: string | undefined, options: ConnectOptions): Promise<net.Socket> {
    const target = { host: loopback, port: endpoint.realPort, localAddress: loopback }
    const socket = await nodeNetwork.connect(options.signal ? { ...target, signal: options.signal } : target)
    const realLocalPort = socket.localPort
    if (source !== undefined && realLocalPort !== undefined) {
      this.#callers.set(realLocalPort, source)
      socket.once('close', () => this.#callers.delete(realLocalPort))
    }
    return socket
  }
}

function isAnyAddress(host: string | undefined): host is undefined {
  return host === undefined || host === '::' || host === '0.0.0.0'
}

function key(address: string, port: number): string {
  return `${address.toLowerCase()} ${port}`
}

function systemError(code: 'ETIMEDOUT' | 'ECONNREFUSED'): Error {
  return Object.assign(new Error(`connect ${code}`), { code })
}
