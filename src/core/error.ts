import type { Reply } from './reply.js'

/**
 * Every code a {@link MailError} may carry, with the sentence that `docs/reference/errors.md` explains.
 * A test holds this list and that page to each other.
 */
export const mailErrorCodes = {
  OPTION_INVALID: 'An option has a wrong type or value',
  ADDRESS_INVALID: 'An address is not a valid mailbox (RFC 5321 §4.1.2)',
  DOMAIN_INVALID: 'A domain name or address literal is not valid',
  MESSAGE_INVALID: 'A message or its envelope cannot be sent as it is',
  MESSAGE_TOO_LARGE: 'A message is larger than a part can take',
  MESSAGE_INCOMPLETE: 'The bytes of a message ended before the message did',
  PORT_IN_USE: 'Another process listens on the address and port',
  LISTEN_FAILED: 'A listener could not be opened',
  CERTIFICATE_UNREADABLE: 'A TLS key or certificate cannot be read or used',
  CLOSED: 'The part was used after it was closed',
  ALREADY_STARTED: 'The part was started twice',
  CONNECT_FAILED: 'A connection could not be opened',
  TLS_FAILED: 'A connection could not be encrypted, or the certificate of the other side is not trusted',
  CONNECTION_LOST: 'A connection ended in the middle of a conversation',
  TIMEOUT: 'A deadline passed',
  ABORTED: 'The caller gave up',
  TIMERS_FAKED: 'Fake timers of a test hold up what sockets need',
  LOOKUP_FAILED: 'A lookup in DNS failed for now',
  PROTOCOL: 'A peer did not follow its protocol',
  ACCOUNTS_FAILED: 'The accounts driver threw or answered something that its contract does not allow',
  STORAGE_FAILED: 'The storage driver threw',
  STORAGE_FULL: 'The storage has no room',
  STORAGE_NEWER: 'The data was written by a later release',
  DRIVER_MISSING: 'A package that a driver stands on is not installed',
  DRIVER_CONTRACT: 'A driver answered with a value of a wrong type',
  HANDLER_FAILED: 'A handler or policy of the application threw or did not answer in time',
  FILE_FAILED: 'A file or directory to import from or export to cannot be read or written',
  NO_SUCH_MAILBOX: 'The mailbox does not exist',
  MAILBOX_EXISTS: 'A mailbox of that name exists',
  NO_SUCH_MESSAGE: 'The message does not exist (any more)',
  QUOTA_EXCEEDED: 'The account has no room left',
  NO_SUCH_ENTRY: 'The queue has no such entry',
  LEASE_LOST: 'The lease on a queue entry ran out or was taken over',
  RELAY_DENIED: 'A recipient is neither local nor may be relayed to',
  NO_SUCH_LINK: 'A message has no link that a test looks for',
  UNEXPECTED_MAIL: 'Mail came that a test expects not to come',
  ALIAS_LOOP: 'Aliases refer to each other in a circle or too deeply',
} as const satisfies Record<string, string>

/** A stable, documented code of a {@link MailError}. */
export type MailErrorCode = keyof typeof mailErrorCodes

/** What else a {@link MailError} is made of. */
export interface MailErrorOptions {
  /** Whether the same call may succeed later. Default: `false`. */
  temporary?: boolean
  /** What to tell a mail client; discloses nothing about the inside. */
  reply?: Reply
  /** The error below this one. */
  cause?: unknown
}

/**
 * The one error class of this package. `message` names what was wrong, what was expected and where.
 */
export class MailError extends Error {
  override readonly name = 'MailError'
  /** Stable code, see `docs/reference/errors.md`. */
  readonly code: MailErrorCode
  /** Whether the same call may succeed later. */
  readonly temporary: boolean
  /** The reply a mail client gets for it, where one is fitting. */
  readonly reply: Reply | undefined

  constructor(code: MailErrorCode, message: string, options: MailErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.temporary = options.temporary ?? false
    this.reply = options.reply
  }
}

/** The message of anything that was thrown. */
export function describeError(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message
  return typeof thrown === 'string' ? thrown : `a thrown ${thrown === null ? 'null' : typeof thrown}`
}
