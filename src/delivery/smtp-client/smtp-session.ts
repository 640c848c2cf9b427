import type tls from 'node:tls'
import { describeError, MailError } from '../../core/error.js'
import { checkPkix, type PeerCheck, type TlsProblem, tlsProblem } from '../tls-policy/tls-problem.js'
import { refusedVerdict, type Verdict } from '../verdict.js'
import { type Extensions, noExtensions, readExtensions } from './extensions.js'
import type { SmtpWire } from './smtp-wire.js'
import type { PhaseTimeouts } from './timeouts.js'

/** How a session is encrypted. */
export type TlsLevel =
  /** Never. */
  | 'none'
  /** When the server offers it; by whatever certificate it has (RFC 7435). */
  | 'opportunistic'
  /** Always; by whatever certificate it has. */
  | 'required'
  /** Always; its certificate must be trusted and name the host. */
  | 'verified'

/** What a session is opened with. */
export interface SessionOptions {
  /** Our name, for EHLO. */
  readonly hostname: string
  readonly tls: TlsLevel
  /** Whether it speaks LMTP (RFC 2033): LHLO, and a reply to the message for each recipient. Default: SMTP. */
  readonly lmtp?: boolean
  /** Holds the certificate of the server to something: what it finds wrong fails the handshake. */
  readonly authenticate?: PeerCheck
  /** Looks at the certificate; what it finds wrong is noted in the session. */
  readonly observe?: PeerCheck
  /** For the handshake: SNI, trusted issuers, least version. */
  readonly tlsOptions: tls.ConnectionOptions
  readonly timeouts: PhaseTimeouts
}

/** A conversation with a server that has been greeted and may be given messages. */
export interface SmtpSession {
  readonly wire: SmtpWire
  readonly extensions: Extensions
  /** Protocol and cipher, when the connection is encrypted. */
  readonly tls?: string
  /** Whether it speaks LMTP. */
  readonly lmtp?: boolean
  /** Whether it goes to a unix socket of this machine, which needs no encryption. */
  readonly local?: boolean
  /** What was wrong with its encryption, where that did not matter. */
  readonly tlsProblem?: TlsProblem
  /** Transactions begun. */
  transactions: number
  /** The last transaction was given up halfway: RSET must come before the next. */
  needsReset: boolean
}

/** How {@link openSession} ended. */
export type Opening =
  | { readonly session: SmtpSession }
  /** The host does not serve us. */
  | { readonly refused: Verdict; readonly tlsProblem?: TlsProblem }
  /** The server offered encryption, but the handshake failed; the connection is of no more use. */
  | { readonly tlsFailed: TlsProblem }

/**
 * Goes through the opening of a conversation on a fresh connection: greeting, EHLO (or HELO where that is not known),
 * STARTTLS, EHLO again (RFC 5321 §3.1 and §3.2, RFC 3207).
 * @throws MailError of {@link SmtpWire.reply}.
 */
export async function openSession(wire: SmtpWire, options: SessionOptions): Promise<Opening> {
  const greeting = await wire.reply(options.timeouts.greeting, 'the greeting')
  if (greeting.code >= 300) return { refused: refusedVerdict(greeting, 'the connection') }
  const hello = await sayHello(wire, options)
  if ('refused' in hello) return hello
  if (options.tls === 'none') return ready(wire, hello.extensions, options)
  if (!hello.extensions.has('STARTTLS')) return withoutTls(wire, hello.extensions, options, 'is not offered')
  wire.send(['STARTTLS'])
  const answer = await wire.reply(options.timeouts.hello, 'STARTTLS')
  if (answer.code === 421) return { refused: refusedVerdict(answer, 'STARTTLS') }
  if (answer.code >= 300) return withoutTls(wire, hello.extensions, options, `was refused: ${answer.code}`)
  return encrypt(wire, options)
}

type Hello = { readonly extensions: Extensions } | { readonly refused: Verdict }

async function sayHello(wire: SmtpWire, { hostname, timeouts, lmtp }: SessionOptions): Promise<Hello> {
  const verb = lmtp ? 'LHLO' : 'EHLO'
  wire.send([`${verb} ${hostname}`])
  const ehlo = await wire.reply(timeouts.hello, verb)
  if (ehlo.code < 300) return { extensions: readExtensions(ehlo) }
  if (ehlo.code < 500 || lmtp) return { refused: refusedVerdict(ehlo, verb) }
  // RFC 5321 §3.2: a server that does not know EHLO knows HELO.
  wire.send([`HELO ${hostname}`])
  const helo = await wire.reply(timeouts.hello, 'HELO')
  return helo.code < 300 ? { extensions: noExtensions } : { refused: refusedVerdict(helo, 'HELO') }
}

function withoutTls(wire: SmtpWire, extensions: Extensions, options: SessionOptions, why: string): Opening {
  const problem = tlsProblem('starttls-not-supported', `STARTTLS ${why}`)
  if (options.tls === 'opportunistic') return ready(wire, extensions, options, { problem })
  return {
    refused: { status: 'deferred', scope: 'host', enhanced: '4.7.4', reason: `TLS is required but ${why}` },
    tlsProblem: problem,
  }
}

async function encrypt(wire: SmtpWire, options: SessionOptions): Promise<Opening> {
  const secured = await handshake(wire, options)
  if ('tlsFailed' in secured) return secured
  // RFC 3207 §4.2: what was learned in the clear is forgotten.
  const hello = await sayHello(wire, options)
  return 'refused' in hello ? hello : ready(wire, hello.extensions, options, secured)
}

/** What is known of the encryption of a session. */
interface Secured {
  readonly tls?: string
  readonly problem?: TlsProblem
}

async function handshake(
  wire: SmtpWire,
  options: SessionOptions,
): Promise<Secured | { tlsFailed: TlsProblem }> {
  try {
    const socket = await wire.startTls(
      { ...options.tlsOptions, rejectUnauthorized: false },
      options.timeouts.tls,
    )
    const authenticate = options.authenticate ?? (options.tls === 'verified' ? checkPkix : undefined)
    const tlsFailed = authenticate?.(socket)
    if (tlsFailed) return { tlsFailed }
    const problem = options.observe?.(socket)
    return { tls: `${socket.getProtocol()} ${socket.getCipher().name}`, ...(problem && { problem }) }
  } catch (error) {
    if (error instanceof MailError && error.code === 'ABORTED') throw error
    return { tlsFailed: tlsProblem('validation-failure', describeError(error)) }
  }
}

function ready(
  wire: SmtpWire,
  extensions: Extensions,
  { lmtp = false }: SessionOptions,
  { tls, problem }: Secured = {},
): Opening {
  const session = { wire, extensions, lmtp, transactions: 0, needsReset: false }
  return {
    session: { ...session, ...(tls !== undefined && { tls }), ...(problem && { tlsProblem: problem }) },
  }
}
