import { describeError, MailError } from '../../core/error.js'
import type { Reply } from '../../core/reply.js'
import { unlessAborted } from '../unless-aborted.js'
import { localVerdict, replyVerdict, type Verdict } from '../verdict.js'
import type { SmtpSession } from './smtp-session.js'

/** Who we are to a server that wants to know. */
export type SmtpCredentials = PasswordCredentials | TokenCredentials

/** A name and a password, for PLAIN and LOGIN. */
export interface PasswordCredentials {
  readonly user: string
  readonly password: string
  /** Default: PLAIN where the server offers it, or else LOGIN. */
  readonly mechanism?: 'PLAIN' | 'LOGIN'
}

/** A name and an OAuth 2.0 access token, for XOAUTH2. */
export interface TokenCredentials {
  readonly user: string
  /**
   * The token, or what gets it. Asked for every new connection, and once more with `refresh: true` when the server
   * did not take the token it gave.
   */
  readonly token: string | ((request: TokenRequest) => string | Promise<string>)
}

/** What a token is asked for with. */
export interface TokenRequest {
  readonly user: string
  /** Whether the last token was refused: it has run out, or was revoked. */
  readonly refresh: boolean
  /** Aborted when the attempt ends, which then waits for no token. */
  readonly signal: AbortSignal
}

/** How long a login may take, a reply at a time, and what ends it. */
export interface AuthenticateOptions {
  /** Milliseconds. */
  readonly limit: number
  readonly signal: AbortSignal
}

/**
 * Logs in (RFC 4954) with PLAIN (RFC 4616), LOGIN or XOAUTH2. Resolves to why the server is of no use, or `undefined`
 * once logged in. A refusal is temporary: it says nothing about the message, and somebody may set the password right.
 * @throws MailError of the wire; `HANDLER_FAILED` of a token function, `ABORTED` while it is waited for.
 */
export async function authenticate(
  session: SmtpSession,
  credentials: SmtpCredentials,
  options: AuthenticateOptions,
): Promise<Verdict | undefined> {
  const offered = offeredMechanisms(session)
  if ('token' in credentials) {
    if (!offered.has('XOAUTH2')) return notOffered('XOAUTH2')
    return withToken(session, credentials, options)
  }
  const mechanism = credentials.mechanism ?? (offered.has('PLAIN') ? 'PLAIN' : 'LOGIN')
  if (!offered.has(mechanism)) return notOffered(mechanism)
  const { user, password } = credentials
  const steps = mechanism === 'PLAIN' ? [`\0${user}\0${password}`] : [user, password]
  return verdictOf(await exchange(session, mechanism, steps, options.limit))
}

function offeredMechanisms({ extensions }: SmtpSession): ReadonlySet<string> {
  return new Set((extensions.get('AUTH') ?? '').toUpperCase().split(' '))
}

function notOffered(mechanism: string): Verdict {
  return localVerdict('deferred', 'host', '4.7.0', `the server does not offer AUTH ${mechanism}`)
}

async function withToken(
  session: SmtpSession,
  { user, token }: TokenCredentials,
  { limit, signal }: AuthenticateOptions,
): Promise<Verdict | undefined> {
  for (const refresh of [false, true]) {
    const bearer = await askToken(token, { user, refresh, signal })
    // https://developers.google.com/workspace/gmail/imap/xoauth2-protocol
    const reply = await exchange(
      session,
      'XOAUTH2',
      [`user=${user}\u0001auth=Bearer ${bearer}\u0001\u0001`],
      limit,
    )
    if (reply.code !== 535 || refresh || typeof token === 'string') return verdictOf(reply)
  }
  return undefined
}

async function askToken(token: TokenCredentials['token'], request: TokenRequest): Promise<string> {
  const got: unknown =
    typeof token === 'string'
      ? token
      : await unlessAborted(() => callTokenSource(token, request), request.signal)
  if (typeof got === 'string' && /^[\u0020-\u007e]+$/.test(got)) return got
  throw new MailError('HANDLER_FAILED', 'the token function answered with no token', { temporary: true })
}

async function callTokenSource(
  token: Exclude<TokenCredentials['token'], string>,
  request: TokenRequest,
): Promise<string> {
  try {
    return await token(request)
  } catch (thrown) {
    const message = `the token function failed: ${describeError(thrown)}`
    throw new MailError('HANDLER_FAILED', message, { temporary: true, cause: thrown })
  }
}

/** What a command line may hold besides CRLF (RFC 5321 §4.5.3.1.4). */
const longestLine = 510

/**
 * Says AUTH and answers challenges; PLAIN and XOAUTH2 say what they have at once, where the line can hold it (RFC 4954
 * §4). Nothing of it is heard by a log.
 */
async function exchange(
  { wire }: SmtpSession,
  mechanism: string,
  steps: readonly string[],
  limit: number,
): Promise<Reply> {
  const [first = '', ...rest] = steps.map(step => Buffer.from(step).toString('base64'))
  const line = `AUTH ${mechanism} ${first}`
  const atOnce = mechanism !== 'LOGIN' && line.length <= longestLine
  wire.send([atOnce ? line : `AUTH ${mechanism}`], [`AUTH ${mechanism} …`])
  let reply = await wire.reply(limit, 'AUTH')
  for (const step of atOnce ? rest : [first, ...rest]) {
    if (reply.code !== 334) return reply
    wire.send([step], ['…'])
    reply = await wire.reply(limit, 'AUTH')
  }
  if (reply.code !== 334) return reply
  // XOAUTH2 tells what was wrong in a challenge, and refuses after an empty answer; `*` ends the others (RFC 4954 §4).
  wire.send([mechanism === 'XOAUTH2' ? '' : '*'])
  return wire.reply(limit, 'AUTH')
}

function verdictOf(reply: Reply): Verdict | undefined {
  if (reply.code === 235) return undefined
  return { ...replyVerdict(reply, 'host', 'AUTH'), status: 'deferred' }
}
