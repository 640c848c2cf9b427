import { isIP } from 'node:net'
import tls from 'node:tls'
import { withDeadline } from '../core/clock.js'
import { describeError, MailError } from '../core/error.js'
import { peerOf } from '../core/network.js'
import { type ConnectContext, type Connected, endWithSignal, openSocket } from './connect-to-host.js'
import { authenticate, type SmtpCredentials } from './smtp-client/authenticate.js'
import { openSession, type SmtpSession } from './smtp-client/smtp-session.js'
import { type Dialogue, SmtpWire } from './smtp-client/smtp-wire.js'
import { checkPkix, type TlsProblem, tlsProblem } from './tls-policy/tls-problem.js'
import { errorVerdict, localVerdict, type Verdict } from './verdict.js'

/** A server that mail is handed to, whoever it is for. */
export interface RelayServer {
  /** Name or IP address that its certificate must have; what outcomes call it. */
  readonly host: string
  readonly port: number
  /** Of a unix socket, instead of host and port. */
  readonly path?: string
  /** `'implicit'`: from the first byte (RFC 8314 §3); `'starttls'`: always, after STARTTLS; `'none'`: never. */
  readonly tls: 'implicit' | 'starttls' | 'none'
  /** Whether the certificate must be trusted and name the host. */
  readonly verify: boolean
  readonly auth?: SmtpCredentials
  readonly lmtp: boolean
}

/** What connections to relays are made with. */
export interface RelayContext extends Omit<ConnectContext, 'port' | 'localAddress'> {
  readonly localAddress: string | undefined
}

/** One address of a relay, or the path of its socket. */
export interface RelayTarget {
  readonly server: RelayServer
  readonly address: string
  readonly dialogue?: Dialogue
}

/** Opens a session with a relay: connection, TLS, greeting, login. Never throws. */
export async function openRelaySession(
  target: RelayTarget,
  context: RelayContext,
  signal: AbortSignal,
): Promise<Connected> {
  try {
    const opened = await connect(target, context, signal)
    if ('fault' in opened) return opened
    const { wire, encryption, localAddress } = opened
    const release = endWithSignal(wire, signal)
    try {
      const session = await greet(wire, target, context, signal)
      if ('fault' in session) {
        wire.quit()
        return { ...session, localAddress }
      }
      const local = target.server.path !== undefined
      const more = { local, ...(encryption !== undefined && { tls: encryption }) }
      return { session: { ...session, ...more }, localAddress }
    } catch (error) {
      wire.quit()
      throw error
    } finally {
      release()
    }
  } catch (error) {
    return { fault: errorVerdict(error) }
  }
}

type Wired = (
  | { readonly wire: SmtpWire; readonly encryption?: string }
  | { readonly fault: Verdict; readonly tlsProblem: TlsProblem }
) & { readonly localAddress: string }

async function connect(
  { server, address, dialogue }: RelayTarget,
  context: RelayContext,
  signal: AbortSignal,
): Promise<Wired> {
  const { localAddress: given } = context
  const source = given === undefined || server.path !== undefined ? {} : { localAddress: given }
  const place = server.path === undefined ? { host: address, port: server.port } : { path: server.path }
  const socket = await openSocket({ ...place, ...source }, context, signal)
  const { localAddress } = peerOf(socket)
  if (server.tls !== 'implicit') return { wire: new SmtpWire(socket, context.clock, dialogue), localAddress }
  const secure = tls.connect({ ...tlsOptions(server, address, context), rejectUnauthorized: false, socket })
  const problem = await shakeHands(secure, server, context, signal)
  if (problem) {
    secure.destroy()
    return { ...tlsFault(problem), localAddress }
  }
  const encryption = `${secure.getProtocol()} ${secure.getCipher().name}`
  return { wire: new SmtpWire(secure, context.clock, dialogue), encryption, localAddress }
}

/** What is wrong with the encryption, once it stands or has failed. @throws MailError `ABORTED`. */
async function shakeHands(
  secure: tls.TLSSocket,
  { verify }: RelayServer,
  { clock, timeouts }: RelayContext,
  signal: AbortSignal,
): Promise<TlsProblem | undefined> {
  try {
    await withDeadline(clock, timeouts.tls, 'the TLS handshake', handshaken(secure, signal))
  } catch (error) {
    if (error instanceof MailError && error.code === 'ABORTED') {
      secure.destroy()
      throw error
    }
    return tlsProblem('validation-failure', describeError(error))
  }
  return verify ? checkPkix(secure) : undefined
}

function tlsFault(problem: TlsProblem): { readonly fault: Verdict; readonly tlsProblem: TlsProblem } {
  const fault = localVerdict('deferred', 'host', '4.7.5', `TLS failed: ${problem.reason}`)
  return { fault, tlsProblem: problem }
}

function handshaken(socket: tls.TLSSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new MailError('ABORTED', 'the attempt was ended', { temporary: true }))
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    socket.on('error', reject)
    socket.once('close', () => reject(new Error('the server closed the connection')))
    socket.once('secureConnect', resolve)
    const stop = () => signal.removeEventListener('abort', end)
    socket.once('secureConnect', stop)
    socket.once('close', stop)
  })
}

function tlsOptions(server: RelayServer, address: string, { secureContext }: RelayContext) {
  if (server.path !== undefined || isIP(server.host) !== 0) return { secureContext, host: address }
  return { secureContext, host: server.host, servername: server.host }
}

async function greet(
  wire: SmtpWire,
  { server, address }: RelayTarget,
  context: RelayContext,
  signal: AbortSignal,
): Promise<SmtpSession | { readonly fault: Verdict; readonly tlsProblem?: TlsProblem }> {
  const { hostname, timeouts } = context
  const opening = await openSession(wire, {
    hostname,
    timeouts,
    lmtp: server.lmtp,
    tls: server.tls !== 'starttls' ? 'none' : server.verify ? 'verified' : 'required',
    tlsOptions: tlsOptions(server, address, context),
  })
  if ('refused' in opening) {
    const { refused, tlsProblem: problem } = opening
    return { fault: refused, ...(problem && { tlsProblem: problem }) }
  }
  if ('tlsFailed' in opening) return tlsFault(opening.tlsFailed)
  const { session } = opening
  const limit = timeouts.hello
  const fault = server.auth && (await authenticate(session, server.auth, { limit, signal }))
  return fault ? { fault } : session
}
