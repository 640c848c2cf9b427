import type net from 'node:net'
import { isIP } from 'node:net'
import type tls from 'node:tls'
import { type Clock, withDeadline } from '../core/clock.js'
import { literalAddress } from '../core/domain.js'
import { MailError } from '../core/error.js'
import { type ConnectOptions, type Network, peerOf } from '../core/network.js'
import { openSession, type SmtpSession } from './smtp-client/smtp-session.js'
import { type Dialogue, SmtpWire } from './smtp-client/smtp-wire.js'
import type { PhaseTimeouts } from './smtp-client/timeouts.js'
import type { HostTls } from './tls-policy/host-tls.js'
import type { TlsProblem } from './tls-policy/tls-problem.js'
import { errorVerdict, localVerdict, type Verdict } from './verdict.js'

/** What connections are made with. */
export interface ConnectContext {
  readonly network: Network
  readonly clock: Clock
  readonly hostname: string
  readonly port: number
  /** Source addresses, one of a family at most; none for the system's choice. */
  readonly localAddress: readonly string[]
  readonly timeouts: PhaseTimeouts
  readonly secureContext: tls.SecureContext
}

/** One address of a host. */
export interface ConnectTarget {
  readonly host: string
  readonly address: string
  readonly tls: Pick<HostTls, 'level' | 'authenticate' | 'observe' | 'serverName'>
  readonly dialogue?: Dialogue
}

/** A session, or why there is none, and the address of this side, where there was a connection. */
export type Connected = (
  | { readonly session: SmtpSession }
  | { readonly fault: Verdict; readonly tlsProblem?: TlsProblem }
) & { readonly localAddress?: string }

/**
 * Opens a session with one address of a host. Where encryption is opportunistic and the handshake fails, a second
 * connection does without it (RFC 7435 §3). Never throws.
 */
export async function connectToHost(
  target: ConnectTarget,
  context: ConnectContext,
  signal: AbortSignal,
): Promise<Connected> {
  const first = await tryToConnect(target, context, signal)
  if (!('tlsFailed' in first)) return first
  const { tlsFailed, ...place } = first
  if (target.tls.level === 'opportunistic') {
    const second = await tryToConnect({ ...target, tls: { level: 'none' } }, context, signal)
    if ('session' in second) return { ...place, session: { ...second.session, tlsProblem: tlsFailed } }
    if (!('tlsFailed' in second)) return { ...place, ...second, tlsProblem: tlsFailed }
  }
  const fault = localVerdict('deferred', 'host', '4.7.5', `TLS is required but failed: ${tlsFailed.reason}`)
  return { ...place, fault, tlsProblem: tlsFailed }
}

async function tryToConnect(
  target: ConnectTarget,
  context: ConnectContext,
  signal: AbortSignal,
): Promise<Connected | { readonly tlsFailed: TlsProblem; readonly localAddress: string }> {
  try {
    const socket = await openSocket(placeOf(target, context), context, signal)
    const { localAddress } = peerOf(socket)
    const wire = new SmtpWire(socket, context.clock, target.dialogue)
    const release = endWithSignal(wire, signal)
    try {
      return { ...(await greet(wire, target, context)), localAddress }
    } finally {
      release()
    }
  } catch (error) {
    return { fault: errorVerdict(error) }
  }
}

function placeOf({ address }: ConnectTarget, { port, localAddress }: ConnectContext): ConnectOptions {
  const source = localAddress.find(one => isIP(one) === isIP(address))
  return { host: address, port, ...(source !== undefined && { localAddress: source }) }
}

async function greet(wire: SmtpWire, target: ConnectTarget, context: ConnectContext) {
  try {
    const { hostname, timeouts } = context
    const opening = await openSession(wire, {
      hostname,
      timeouts,
      ...(target.tls.authenticate && { authenticate: target.tls.authenticate }),
      ...(target.tls.observe && { observe: target.tls.observe }),
      tls: target.tls.level,
      tlsOptions: tlsOptions(target, context),
    })
    if ('session' in opening) return opening
    wire.quit()
    if (!('refused' in opening)) return opening
    const { refused, tlsProblem } = opening
    return { fault: refused, ...(tlsProblem && { tlsProblem }) }
  } catch (error) {
    wire.quit()
    throw error
  }
}

/** The certificate must name the host the MX record names, or have the address of a literal (RFC 8689 §4.2.1). */
function tlsOptions(
  { host, address, tls: { serverName = host } }: ConnectTarget,
  { secureContext }: ConnectContext,
): tls.ConnectionOptions {
  const isName = literalAddress(host) === undefined && isIP(host) === 0
  return isName ? { secureContext, host, servername: serverName } : { secureContext, host: address }
}

/** Opens a connection within its time. @throws MailError `TIMEOUT`, `CONNECT_FAILED`, `ABORTED`. */
export async function openSocket(
  target: ConnectOptions,
  { network, clock, timeouts }: Pick<ConnectContext, 'network' | 'clock' | 'timeouts'>,
  signal: AbortSignal,
): Promise<net.Socket> {
  const ending = new AbortController()
  const connecting = network.connect({ ...target, signal: AbortSignal.any([signal, ending.signal]) })
  const place = target.path ?? target.host
  try {
    return await withDeadline(clock, timeouts.connect, `connecting to ${place}`, connecting)
  } catch (error) {
    ending.abort()
    connecting.then(
      late => late.destroy(),
      () => {},
    )
    throw error
  }
}

/** Ends a wire when `signal` is aborted, until the returned function is called. */
export function endWithSignal(wire: SmtpWire, signal: AbortSignal): () => void {
  const end = () => wire.fail(new MailError('ABORTED', 'the attempt was ended', { temporary: true }))
  if (signal.aborted) end()
  else signal.addEventListener('abort', end, { once: true })
  return () => signal.removeEventListener('abort', end)
}
