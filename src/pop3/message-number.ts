import type { DropMessage } from './maildrop.js'
import type { Session } from './session.js'

/** The message that an argument names, or `undefined` once the client was told that there is none. */
export function namedMessage(session: Session, argument: string): DropMessage | undefined {
  if (!/^\d{1,9}$/.test(argument)) return session.reject('A message number is needed')
  return session.maildrop.get(Number(argument)) ?? session.err('No such message')
}
