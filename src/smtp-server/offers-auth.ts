import type { Session } from './session.js'

/** Whether the client may log in now: there are accounts, nobody did so yet, and nobody can listen in. */
export function offersAuth(session: Session): boolean {
  const { accounts, settings } = session.server
  const { kind } = session.origin
  if (accounts === undefined || kind === 'lmtp' || session.account) return false
  return session.tls !== undefined || settings.allowInsecureAuth
}
