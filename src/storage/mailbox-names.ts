import { MailError } from '../core/error.js'

/** Names of the mailboxes above one, the highest first: `a` and `a/b` for `a/b/c`. */
export function mailboxesAbove(name: string): string[] {
  const levels = name.split('/')
  return levels.slice(1).map((_, index) => levels.slice(0, index + 1).join('/'))
}

/** Orders names of mailboxes as a storage lists them: `INBOX` first, the others by their UTF-16 code units. */
export function compareMailboxNames(a: string, b: string): number {
  if (a === 'INBOX' || b === 'INBOX') return Number(b === 'INBOX') - Number(a === 'INBOX')
  return a < b ? -1 : Number(a > b)
}

/**
 * What a renamed mailbox and those below it are called, by the names they had. Empty for `INBOX`, whose messages move, while
 * it stays with those below it (RFC 3501 §6.3.5).
 * @param names - of all mailboxes of the account.
 * @throws MailError `MAILBOX_EXISTS` when another mailbox has one of the new names.
 */
export function renamedMailboxes(
  names: Iterable<string>,
  from: string,
  to: string,
): ReadonlyMap<string, string> {
  const all = new Set(names)
  if (all.has(to)) throw mailboxExists(to)
  const moving = from === 'INBOX' ? [] : [...all].filter(name => name === from || name.startsWith(`${from}/`))
  const renamed = new Map(moving.map(name => [name, to + name.slice(from.length)]))
  for (const name of renamed.values()) if (all.has(name) && !renamed.has(name)) throw mailboxExists(name)
  return renamed
}

/** The error for a name that is taken. */
export function mailboxExists(name: string): MailError {
  return new MailError('MAILBOX_EXISTS', `mailbox ${JSON.stringify(name)} exists`)
}

/** The error for a mailbox that is not there; without a name, for one that was asked for by its id. */
export function noSuchMailbox(name?: string): MailError {
  const message =
    name === undefined
      ? 'the mailbox does not exist any more'
      : `mailbox ${JSON.stringify(name)} does not exist`
  return new MailError('NO_SUCH_MAILBOX', message)
}
