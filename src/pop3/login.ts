import type { Account } from '../accounts/accounts.js'
import { sleep } from '../core/clock.js'
import { MailError } from '../core/error.js'
import type { MailboxLock } from '../store/mail-store.js'
import type { LoginRefusal } from './events.js'
import { Maildrop } from './maildrop.js'
import type { ResponseCode } from './response.js'
import type { Session } from './session.js'

/** What PASS or AUTH brought. */
export interface LoginCredentials {
  readonly username: string
  readonly password: string
  readonly actAs?: string
}

const refusals: Readonly<Record<LoginRefusal, { text: string; code: ResponseCode }>> = {
  credentials: { text: 'Wrong name or password', code: 'AUTH' },
  throttled: { text: 'Too many failed logins, try again later', code: 'SYS/TEMP' },
  'in-use': { text: 'Another session has this mailbox', code: 'IN-USE' },
  'login-delay': { text: 'You logged in a moment ago, try again later', code: 'LOGIN-DELAY' },
  handler: { text: 'Internal error, try again later', code: 'SYS/TEMP' },
}

/** Checks credentials, takes the mailbox and its lock, and enters the transaction state; or refuses. Replies. */
export async function logIn(session: Session, credentials: LoginCredentials): Promise<void> {
  const { settings, peer } = session.context
  const attempt = settings.loginThrottle.begin(peer.remoteAddress)
  if (!attempt) return refuseSlowly(session, credentials, 'throttled')
  try {
    const account = await authenticate(session, credentials)
    if (!account) return await refuseSlowly(session, credentials, 'credentials')
    attempt.forgive()
    await enterMailbox(session, credentials, account)
  } catch (thrown) {
    attempt.forgive()
    tellRefusal(session, credentials, 'handler')
    throw thrown
  }
}

async function authenticate(session: Session, credentials: LoginCredentials): Promise<Account | undefined> {
  const { settings, peer } = session.context
  return session.handlers.call('accounts', 'authenticate', async () => {
    const account: unknown = await settings.accounts.authenticate({
      ...credentials,
      protocol: 'pop3',
      remoteAddress: peer.remoteAddress,
      secure: session.secure,
    })
    if (account === undefined || account === null) return undefined
    if (isAccount(account)) return account
    throw new MailError('DRIVER_CONTRACT', 'expected an account with an id, or undefined')
  })
}

function isAccount(value: unknown): value is Account {
  const { id } = Object(value) as Partial<Account>
  return typeof id === 'string' && id !== ''
}

async function enterMailbox(
  session: Session,
  credentials: LoginCredentials,
  account: Account,
): Promise<void> {
  const { loginDelays, emit, peer } = session.context
  if (loginDelays.isTooSoon(account.id)) return refuse(session, credentials, 'login-delay')
  const maildrop = await openMaildrop(session, account.id)
  if (!maildrop) return refuse(session, credentials, 'in-use')
  session.enter(maildrop)
  loginDelays.loggedIn(account.id)
  session.ok(`${maildrop.count} messages (${maildrop.octets} octets)`)
  emit('session:authenticated', {
    traceId: session.traceId,
    remoteAddress: peer.remoteAddress,
    account: account.id,
    username: credentials.username,
    secure: session.secure,
    messages: maildrop.count,
  })
}

/** The mailbox with its lock, or `undefined` when another session holds it. */
async function openMaildrop(session: Session, account: string): Promise<Maildrop | undefined> {
  const { store } = session.context.settings
  const lock = await takeLock(session, account)
  if (!lock) return undefined
  try {
    return await session.handlers.call('store', 'list', async () => {
      const mailbox = await store.mailbox(account)
      const { uidValidity } = await mailbox.status()
      return new Maildrop(mailbox, lock, uidValidity, await mailbox.outline())
    })
  } catch (thrown) {
    await session.handlers.call('store', 'release', () => lock.release()).catch(() => {})
    throw thrown
  }
}

async function takeLock(session: Session, account: string): Promise<MailboxLock | undefined> {
  const { store } = session.context.settings
  let late = false
  try {
    return await session.handlers.call('store', 'lock', async () => {
      const lock = await store.lock(account, 'INBOX')
      if (late) await lock?.release()
      return lock
    })
  } catch (thrown) {
    late = true
    throw thrown
  }
}

/** Holds the refusal back, longer with each; too many end the session. */
async function refuseSlowly(
  session: Session,
  credentials: LoginCredentials,
  reason: LoginRefusal,
): Promise<void> {
  const { clock, loginThrottle, maxLoginFailures } = session.context.settings
  session.loginFailures++
  const delay = loginThrottle.delayAfter(session.loginFailures)
  if (delay > 0) await sleep(clock, delay)
  refuse(session, credentials, reason)
  if (session.loginFailures >= maxLoginFailures) session.finish('login-failures')
}

function refuse(session: Session, credentials: LoginCredentials, reason: LoginRefusal): undefined {
  const { text, code } = refusals[reason]
  session.err(text, code)
  tellRefusal(session, credentials, reason)
}

function tellRefusal(session: Session, { username }: LoginCredentials, reason: LoginRefusal): void {
  const { settings, peer, emit } = session.context
  const payload = { traceId: session.traceId, remoteAddress: peer.remoteAddress, username, reason }
  settings.logger.warn(payload, 'a POP3 login was refused')
  emit('auth:failed', payload)
}
