import net from 'node:net'
import { networkInterfaces } from 'node:os'
import { describeError, MailError, type MailErrorCode } from './error.js'

/** Where to listen. */
export interface ListenOptions {
  /** TCP port; `0` lets the system choose. */
  port?: number
  /** Address to bind. Default: every address of the machine (`::`, or `0.0.0.0` without IPv6). */
  host?: string
  /** Path of a unix socket, instead of port and host. */
  path?: string
}

/** Where to connect. */
export interface ConnectOptions {
  /** IP address. Names are looked up by a resolver before. */
  host?: string
  port?: number
  /** Path of a unix socket, instead of host and port. */
  path?: string
  /** Source address to bind. */
  localAddress?: string
  /** Ends the attempt. */
  signal?: AbortSignal
}

/**
 * What a listener calls for each connection. An error of the socket that nobody listens for does no harm. The addresses are those of the network, which may differ from the socket's.
 */
export type ConnectionHandler = (socket: net.Socket, peer: Peer) => void

/** Both ends of an accepted connection, in canonical form (no `::ffff:` before IPv4). */
export interface Peer {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
}

/** An open listener. */
export interface Listener {
  /** The bound address, or the path of the unix socket. */
  readonly address: string
  /** The bound port, `0` for a unix socket. */
  readonly port: number
  /** Stops accepting and frees the port at once. Connections that were accepted stay. Never fails. */
  close(): Promise<void>
}

/** The way to sockets: the machine's own by default, a simulated one in tests. */
export interface Network {
  /** @throws MailError `PORT_IN_USE` or `LISTEN_FAILED`. */
  listen(options: ListenOptions, onConnection: ConnectionHandler): Promise<Listener>
  /** Opens a TCP connection. @throws MailError `CONNECT_FAILED` (temporary, `cause` is the system's error) or `ABORTED`. */
  connect(options: ConnectOptions): Promise<net.Socket>
}

/** Optional power: networks that know the addresses of the host. */
export interface AddressedNetwork extends Network {
  /** IP addresses that others may reach this host by, without those of loopback. */
  addresses(): readonly string[]
}

/** The addresses of the host, where its network has the power of {@link AddressedNetwork}; none elsewhere. */
export function addressesOf(network: Partial<AddressedNetwork>): readonly string[] {
  return network.addresses?.() ?? []
}

/** The network of the machine. */
export const nodeNetwork: AddressedNetwork = {
  listen: listenOnNode,
  connect: connectOnNode,
  addresses: () =>
    Object.values(networkInterfaces()).flatMap((given = []) =>
      given.filter(({ internal }) => !internal).map(({ address }) => address),
    ),
}

function listenOnNode(options: ListenOptions, onConnection: ConnectionHandler): Promise<Listener> {
  return new Promise((resolve, reject) => {
    // allowHalfOpen is left off: a client that ends its side after QUIT closes the connection (RFC 5321 §4.1.1.10).
    const server = net.createServer({ noDelay: true }, socket => accept(socket, options, onConnection))
    server.once('error', error => reject(listenError(options, error)))
    try {
      server.listen(options.path === undefined ? { ...options, port: options.port ?? 0 } : options, () => {
        server.removeAllListeners('error')
        // An accept that fails (EMFILE) concerns that connection only.
        server.on('error', ignore)
        resolve(listenerOf(server))
      })
    } catch (error) {
      reject(listenError(options, error as NodeJS.ErrnoException))
    }
  })
}

function accept(socket: net.Socket, options: ListenOptions, onConnection: ConnectionHandler): void {
  guardSocket(socket)
  const gone = options.path === undefined && socket.remoteAddress === undefined
  if (gone) socket.destroy()
  else onConnection(socket, peerOf(socket))
}

/** A reset that comes while nobody listens for errors would end the process; `close` tells of it anyway. */
function guardSocket(socket: net.Socket): void {
  socket.on('error', ignore)
}

function ignore(): void {}

function listenerOf(server: net.Server): Listener {
  const bound = server.address()
  const [address, port] =
    typeof bound === 'object' && bound !== null ? [bound.address, bound.port] : [String(bound), 0]
  return {
    address,
    port,
    async close() {
      // Its callback would wait for every connection to end; the port is free at once.
      server.close()
    },
  }
}

function listenError(options: ListenOptions, error: NodeJS.ErrnoException): MailError {
  const place = options.path ?? `${options.host ?? '*'}:${options.port ?? 0}`
  const code: MailErrorCode = error.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'LISTEN_FAILED'
  const why = code === 'PORT_IN_USE' ? 'another process listens there' : describeError(error)
  return new MailError(code, `cannot listen on ${place}: ${why}`, { cause: error })
}

function connectOnNode(options: ConnectOptions): Promise<net.Socket> {
  const { signal, ...target } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortedError(options))
    const socket = openSocket(options, target)
    const end = (settle: () => void) => {
      signal?.removeEventListener('abort', abort)
      socket.removeAllListeners('error')
      guardSocket(socket)
      settle()
    }
    const fail = (error: Error) => {
      socket.destroy()
      end(() => reject(error))
    }
    const abort = () => fail(abortedError(options))
    signal?.addEventListener('abort', abort, { once: true })
    socket.once('error', error => fail(connectError(options, error)))
    socket.once('connect', () => end(() => resolve(socket)))
  })
}

function openSocket(options: ConnectOptions, target: object): net.Socket {
  try {
    return net.connect({ ...target, noDelay: true } as net.NetConnectOpts)
  } catch (error) {
    throw connectError(options, error as Error)
  }
}

/** The error of a connection that could not be opened. */
export function connectError(options: ConnectOptions, error: Error): MailError {
  const place = options.path ?? `${options.host}:${options.port}`
  const message = `cannot connect to ${place}: ${describeError(error)}`
  return new MailError('CONNECT_FAILED', message, { temporary: true, cause: error })
}

function abortedError(options: ConnectOptions): MailError {
  const place = options.path ?? `${options.host}:${options.port}`
  return new MailError('ABORTED', `the connection to ${place} was aborted`, { temporary: true })
}

/** Both ends of a socket of the machine. */
export function peerOf(socket: net.Socket): Peer {
  return {
    remoteAddress: canonicalIp(socket.remoteAddress ?? ''),
    remotePort: socket.remotePort ?? 0,
    localAddress: canonicalIp(socket.localAddress ?? ''),
    localPort: socket.localPort ?? 0,
  }
}

/** An IP address without the `::ffff:` that a dual-stack socket puts before IPv4, in lower case. */
export function canonicalIp(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '').toLowerCase()
}
