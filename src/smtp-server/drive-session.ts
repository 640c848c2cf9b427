import { reply } from '../smtp/reply.js'
import type { SessionDriver } from './adapter.js'
import { hasPolicy, judgeByPolicies } from './consult-policies.js'
import { execute } from './execute.js'
import { serverReplies } from './replies.js'
import type { Session } from './session.js'

/** How a session is driven. */
export interface DriveOptions {
  /** Called once the connection is gone. */
  over(): void
  /** The limit of connections that the client is beyond: it is turned away. */
  readonly refused: 'total' | 'address' | undefined
}

/** Connects a session to its connection. */
export function driveSession(session: Session, { over, refused }: DriveOptions): SessionDriver {
  return {
    ready: begin => {
      if (refused) return turnAway(session, refused)
      const { clock, greetingDelay } = session.server.settings
      const start = () => void clock.track(greet(session, begin))
      if (greetingDelay > 0) clock.schedule(greetingDelay, start)
      else if (hasPolicy(session, 'connect')) start()
      else welcome(session, begin)
    },
    early: () => {
      if (session.server.settings.greetingDelay > 0) session.refuse(serverReplies.earlyTalker, 'early-talker')
    },
    line: text => execute(session, text),
    badLine: problem => {
      if (!session.countCommand()) return
      session.nextLine = undefined
      session.reply(problem === 'too-long' ? serverReplies.lineTooLong : serverReplies.bareLineFeed)
    },
    secured: tls => session.secured(tls),
    closed: error => {
      session.closed(error)
      over()
    },
  }
}

function turnAway(session: Session, limit: 'total' | 'address'): void {
  const reason = limit === 'total' ? 'connections' : 'address-connections'
  session.refuse(serverReplies.tooManyConnections, reason)
}

async function greet(session: Session, begin: () => void): Promise<void> {
  if (session.ended) return
  const outcome = await judgeByPolicies(session, 'connect', (policy, view) => policy.connect?.(view))
  if (session.ended) return
  // RFC 5321 §3.1: a server that refuses the connection says 554; one that will take it later, 421.
  if (outcome.action === 'refuse') return session.refuse(outcome.reply, 'policy')
  if (outcome.action === 'drop') return session.refuse(undefined, 'policy')
  session.headers.push(...outcome.headers)
  welcome(session, begin)
}

function welcome(session: Session, begin: () => void): void {
  if (session.ended) return
  const { hostname, banner, timeouts } = session.server.settings
  const protocol = session.origin.kind === 'lmtp' ? 'LMTP' : 'ESMTP'
  session.tell('session:opened', () => session.about())
  session.say(reply(220, undefined, `${hostname} ${protocol}${banner === '' ? '' : ` ${banner}`}`))
  session.deadlines.set('session', timeouts.session)
  session.awaitCommand()
  begin()
}
