import type { Reply } from '../../core/reply.js'
import { reply } from '../../smtp/reply.js'
import { consultPolicies, hasPolicy } from '../consult-policies.js'
import { offersAuth } from '../offers-auth.js'
import { serverReplies } from '../replies.js'
import type { Session } from '../session.js'
import type { Verb } from '../verb.js'

/**
 * What a client may call itself. RFC 5321 §4.1.4 forbids to refuse mail for a name that does not fit; only what
 * could not stand in a header field is refused.
 */
const name = /^[!-~]{1,255}$/

/** EHLO (RFC 5321 §4.1.1.1): names the extensions. */
export const ehlo: Verb = (session, argument) => {
  if (session.origin.kind === 'lmtp') return session.reply(serverReplies.helloOfOtherProtocol)
  return greet(session, argument, extensions)
}

/** HELO (RFC 5321 §4.1.1.1). */
export const helo: Verb = (session, argument) => {
  if (session.origin.kind === 'lmtp') return session.reply(serverReplies.helloOfOtherProtocol)
  return greet(session, argument, undefined)
}

/** LHLO (RFC 2033 §4.1): EHLO of LMTP. */
export const lhlo: Verb = (session, argument) => {
  if (session.origin.kind !== 'lmtp') return session.reply(serverReplies.unknownCommand)
  return greet(session, argument, extensions)
}

type Extensions = (session: Session) => string[]

function greet(session: Session, argument: string, offer: Extensions | undefined): void | Promise<void> {
  if (!name.test(argument)) return session.reply(serverReplies.badHello)
  session.hello = argument
  session.extended = offer !== undefined
  if (hasPolicy(session, 'hello')) return consultAndGreet(session, offer)
  welcome(session, offer)
}

async function consultAndGreet(session: Session, offer: Extensions | undefined): Promise<void> {
  const headers = await consultPolicies(session, 'hello', (policy, view) => policy.hello?.(view))
  if (headers === undefined) {
    session.hello = undefined
    return
  }
  session.headers.push(...headers)
  welcome(session, offer)
}

function welcome(session: Session, offer: Extensions | undefined): void {
  session.reply(answer(session, offer))
  session.reset()
}

function answer(session: Session, offer: Extensions | undefined): Reply {
  const { hostname } = session.server.settings
  return reply(250, undefined, offer ? [hostname, ...offer(session)] : hostname)
}

function extensions(session: Session): string[] {
  const { limits } = session.server.settings
  const offered = [
    'PIPELINING',
    `SIZE ${limits.messageSize}`,
    '8BITMIME',
    'SMTPUTF8',
    'ENHANCEDSTATUSCODES',
    'DSN',
  ]
  if (session.origin.offersTls && !session.tls) offered.push('STARTTLS')
  // RFC 8689 §2: only where the connection is encrypted.
  if (session.tls) offered.push('REQUIRETLS')
  if (offersAuth(session)) offered.push('AUTH PLAIN LOGIN')
  // RFC 9422 §4.
  offered.push(`LIMITS RCPTMAX=${limits.recipients}`)
  return offered
}
