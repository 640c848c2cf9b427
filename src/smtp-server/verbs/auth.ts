import type { Account, Accounts } from '../../accounts/accounts.js'
import { createSaslExchange, type SaslExchange, type SaslStep } from '../../accounts/sasl/sasl-exchange.js'
import { sleep } from '../../core/clock.js'
import { MailError } from '../../core/error.js'
import { escapeControls } from '../../core/logger.js'
import { reply } from '../../smtp/reply.js'
import { consultPolicies } from '../consult-policies.js'
import { serverReplies } from '../replies.js'
import type { Session } from '../session.js'
import type { Verb } from '../verb.js'

/** AUTH (RFC 4954): logs in, by PLAIN or LOGIN. */
export const auth: Verb = (session, argument) => {
  const { accounts, settings } = session.server
  if (!accounts || session.origin.kind === 'lmtp') return session.reply(serverReplies.notImplemented)
  if (session.hello === undefined) return session.reply(serverReplies.helloFirst)
  if (session.account) return session.reply(serverReplies.alreadyAuthenticated)
  if (session.transaction) return session.reply(serverReplies.notDuringMail)
  if (!session.tls && !settings.allowInsecureAuth) return session.reply(serverReplies.encryptionRequired)
  const [mechanism = '', initial, ...more] = argument.split(' ')
  if (mechanism === '' || more.length > 0) return session.reply(serverReplies.badSyntax)
  const exchange = createSaslExchange(mechanism)
  if (!exchange) return session.reply(serverReplies.unknownMechanism)
  session.deadlines.set('auth', settings.timeouts.auth)
  const login = { accounts, exchange, mechanism: mechanism.toUpperCase() }
  return proceed(session, login, exchange.start(initial))
}

interface Login {
  readonly accounts: Accounts
  readonly exchange: SaslExchange
  readonly mechanism: string
}

type Credentials = Extract<SaslStep, { kind: 'credentials' }>

function proceed(session: Session, login: Login, step: SaslStep): void | Promise<void> {
  if (step.kind === 'challenge') {
    session.nextLine = line => proceed(session, login, login.exchange.step(line))
    return session.reply(reply(334, undefined, step.challenge))
  }
  session.deadlines.clear('auth')
  if (step.kind === 'credentials') return logIn(session, login, step)
  session.reply(step.reason === 'aborted' ? serverReplies.authAborted : serverReplies.badBase64)
}

async function logIn(session: Session, login: Login, credentials: Credentials): Promise<void> {
  const attempt = session.server.loginThrottle.begin(session.origin.peer.remoteAddress)
  if (!attempt) return refuse(session, login, credentials, true)
  const account = await ask(session, login.accounts, credentials)
  if (account === undefined) return refuse(session, login, credentials, false)
  attempt.forgive()
  if (account === 'failed') return session.reply(serverReplies.accountsFailed)
  session.account = account
  const headers = await consultPolicies(session, 'auth', (policy, view) => policy.auth?.(view))
  if (headers === undefined) {
    session.account = undefined
    return
  }
  session.headers.push(...headers)
  const { mechanism } = login
  session.tell('session:authenticated', () => ({ ...session.about(), account: account.id, mechanism }))
  session.reply(serverReplies.authenticated)
}

/** Accounts that fail have decided nothing: the client is to try later (RFC 4954 §4, 454). */
async function ask(
  session: Session,
  accounts: Accounts,
  credentials: Credentials,
): Promise<Account | undefined | 'failed'> {
  const { kind: _, ...given } = credentials
  const { remoteAddress } = session.origin.peer
  const secure = session.tls !== undefined
  try {
    const account = await session.handlers.ask('accounts', async () =>
      accounts.authenticate({ ...given, protocol: 'smtp', remoteAddress, secure }),
    )
    // `null`, which databases like, is nobody too.
    if (account === undefined || account === null) return undefined
    if (typeof account.id === 'string') return account
    throw new MailError(
      'DRIVER_CONTRACT',
      'accounts: authenticate answered with something that is no account',
    )
  } catch (error) {
    session.handlers.failed('accounts', error)
    return 'failed'
  }
}

/** Every refusal is held back longer than the one before, so that guessing is slow. */
async function refuse(
  session: Session,
  login: Login,
  credentials: Credentials,
  throttled: boolean,
): Promise<void> {
  const { settings, loginThrottle } = session.server
  session.failedLogins++
  const { mechanism } = login
  const username = escapeControls(credentials.username)
  session.tell('auth:failed', () => ({ ...session.about(), username, mechanism, throttled }))
  if (throttled) session.reply(serverReplies.tooManyLogins)
  else {
    await sleep(settings.clock, loginThrottle.delayAfter(session.failedLogins))
    session.reply(serverReplies.badCredentials)
  }
  if (session.failedLogins >= settings.limits.failedLogins)
    session.hangUp(serverReplies.tooManyErrors, 'limit')
}
