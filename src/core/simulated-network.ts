import type net from 'node:net'
import { isIP, SocketAddress } from 'node:net'
import { MailError } from './error.js'
import {
  type AddressedNetwork,
  type ConnectionHandler,
  type ConnectOptions,
  connectError,
  type Listener,
  type ListenOptions,
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
  host(...addresses: string[]): AddressedNetwork
  /**
   * The real loopback port behind an address and port, for a client from outside the simulation.
   * `undefined` when nobody listens.
   */
  realPort(address: string, port: number): number | undefined
  /** Cuts an address off: new connections to it and from it fail with ETIMEDOUT, as behind a dead router. */
  unplug(address: string): void
  /** Ends {@link SimulatedNetwork.unplug}. */
  plug(address: string): void
}

/** One listener. */
interface Endpoint {
  /** `0` until the listener is open. */
  realPort: number
}

/** Who opened a connection, and to where, in the simulation. */
interface Call {
  readonly source: string
  readonly target: string
}

const loopback = '127.0.0.1'
const firstFreePort = 49_152

/** Creates an internet of its own inside the process. */
export function createSimulatedNetwork(): SimulatedNetwork {
  return new LoopbackInternet()
}

class LoopbackInternet implements SimulatedNetwork {
  readonly #endpoints = new Map<string, Endpoint>()
  /** By the real local port of the connecting socket. */
  readonly #calls = new Map<number, Call>()
  readonly #unplugged = new Set<string>()
  #nextPort = firstFreePort

  host(...addresses: string[]): AddressedNetwork {
    const own = addresses.map(canonicalAddress)
    if (own.length === 0) throw new MailError('OPTION_INVALID', 'host: got no address, expected one or more')
    return {
      listen: (options, onConnection) => this.#listen(own, options, onConnection),
      connect: options => this.#connect(own, options),
      addresses: () => own,
    }
  }

  realPort(address: string, port: number): number | undefined {
    return this.#endpoints.get(key(canonicalAddress(address), port))?.realPort || undefined
  }

  unplug(address: string): void {
    this.#unplugged.add(canonicalAddress(address))
  }

  plug(address: string): void {
    this.#unplugged.delete(canonicalAddress(address))
  }

  async #listen(own: string[], options: ListenOptions, onConnection: ConnectionHandler): Promise<Listener> {
    if (options.path !== undefined) return nodeNetwork.listen(options, onConnection)
    const addresses = isAnyAddress(options.host) ? own : [canonicalAddress(options.host)]
    const port = options.port || this.#nextPort++
    const names = addresses.map(address => key(address, port))
    const endpoint = this.#reserve(names)
    const release = () => {
      for (const name of names) if (this.#endpoints.get(name) === endpoint) this.#endpoints.delete(name)
    }
    const address = addresses[0] ?? loopback
    try {
      const listener = await nodeNetwork.listen({ host: loopback, port: 0 }, socket =>
        this.#accept(socket, { address, port }, onConnection),
      )
      endpoint.realPort = listener.port
      return { address, port, close: () => listener.close().finally(release) }
    } catch (error) {
      release()
      throw error
    }
  }

  #reserve(names: string[]): Endpoint {
    const taken = names.find(name => this.#endpoints.has(name))
    if (taken !== undefined) {
      throw new MailError('PORT_IN_USE', `cannot listen on ${taken}: another host listens there`)
    }
    const endpoint = { realPort: 0 }
    for (const name of names) this.#endpoints.set(name, endpoint)
    return endpoint
  }

  #accept(
    socket: net.Socket,
    bound: { address: string; port: number },
    onConnection: ConnectionHandler,
  ): void {
    const { remoteAddress, remotePort } = peerOf(socket)
    // The caller is known once its own side has seen the connection, which is later in this turn at most.
    setImmediate(() => {
      const call = this.#calls.get(remotePort)
      onConnection(socket, {
        remoteAddress: call?.source ?? remoteAddress,
        remotePort,
        localAddress: call?.target ?? bound.address,
        localPort: bound.port,
      })
    })
  }

  async #connect(own: string[], options: ConnectOptions): Promise<net.Socket> {
    if (options.path !== undefined) return nodeNetwork.connect(options)
    if (isIP(options.host ?? '') === 0) throw connectError(options, systemError('ENOTFOUND'))
    const target = canonicalAddress(options.host ?? '')
    const source = options.localAddress ?? own.find(address => isIP(address) === isIP(target)) ?? own[0] ?? ''
    const call = { source: canonicalAddress(source), target }
    if (this.#unplugged.has(call.target) || this.#unplugged.has(call.source)) {
      throw connectError(options, systemError('ETIMEDOUT'))
    }
    const endpoint = this.#endpoints.get(key(target, options.port ?? 0))
    if (!endpoint?.realPort) throw connectError(options, systemError('ECONNREFUSED'))
    return this.#dial(endpoint.realPort, call, options.signal)
  }

  async #dial(port: number, call: Call, signal: AbortSignal | undefined): Promise<net.Socket> {
    const target = { host: loopback, port, localAddress: loopback }
    const socket = await nodeNetwork.connect(signal ? { ...target, signal } : target)
    const realLocalPort = socket.localPort ?? 0
    this.#calls.set(realLocalPort, call)
    // The caller is to know itself as the others do.
    Object.defineProperty(socket, 'localAddress', { value: call.source })
    socket.once('close', () => {
      if (this.#calls.get(realLocalPort) === call) this.#calls.delete(realLocalPort)
    })
    return socket
  }
}

function isAnyAddress(host: string | undefined): host is undefined {
  return host === undefined || host === '::' || host === '0.0.0.0'
}

/** An IP address in the one form the simulation knows it by. */
function canonicalAddress(address: string): string {
  const family = isIP(address)
  if (family === 0) {
    throw new MailError('OPTION_INVALID', `address: got ${JSON.stringify(address)}, expected an IP address`)
  }
  return family === 6 ? new SocketAddress({ address, family: 'ipv6' }).address : address
}

function key(address: string, port: number): string {
  return `${address}:${port}`
}

function systemError(code: 'ETIMEDOUT' | 'ECONNREFUSED' | 'ENOTFOUND'): Error {
  return Object.assign(new Error(`connect ${code}`), { code })
}
