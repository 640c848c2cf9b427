import { isDiskFull } from '../../core/disk-full.js'
import { describeError, MailError, type MailErrorCode } from '../../core/error.js'

/** A {@link MailError} as it travels between threads. */
export interface EncodedError {
  readonly code: MailErrorCode
  readonly message: string
  readonly temporary: boolean
}

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html) that mean something of their own here. */
const primaryCodes = { busy: 5, locked: 6, corrupt: 11, full: 13 }

/** What a database threw, as the storage contract has it; a MailError stays as it is. */
export function asStorageError(thrown: unknown): MailError {
  if (thrown instanceof MailError) return thrown
  const reason = describeError(thrown)
  if (isFull(thrown)) {
    return new MailError('STORAGE_FULL', `sqliteStorage: no room for the database: ${reason}`, {
      temporary: true,
      cause: thrown,
    })
  }
  const what = isBusy(thrown) ? 'another process holds the database' : 'the database failed'
  return new MailError('STORAGE_FAILED', `sqliteStorage: ${what}: ${reason}`, {
    temporary: true,
    cause: thrown,
  })
}

/** Whether another connection held a lock for too long. */
export function isBusy(thrown: unknown): boolean {
  return hasCode(thrown, /^SQLITE_(BUSY|LOCKED)/, [primaryCodes.busy, primaryCodes.locked])
}

/** Whether the file is not what SQLite wrote. */
export function isDamaged(thrown: unknown): boolean {
  return hasCode(thrown, /^SQLITE_CORRUPT/, [primaryCodes.corrupt])
}

function isFull(thrown: unknown): boolean {
  return isDiskFull(thrown) || hasCode(thrown, /^SQLITE_FULL/, [primaryCodes.full])
}

/** `better-sqlite3` names the code in `code`; `node:sqlite` has the extended code as a number in `errcode`. */
function hasCode(thrown: unknown, name: RegExp, numbers: readonly number[]): boolean {
  if (typeof thrown !== 'object' || thrown === null) return false
  const { code, errcode } = thrown as { code?: unknown; errcode?: unknown }
  if (typeof errcode === 'number') return numbers.includes(errcode & 0xff)
  return typeof code === 'string' && name.test(code)
}

export function encodeError(thrown: unknown): EncodedError {
  const { code, message, temporary } = asStorageError(thrown)
  return { code, message, temporary }
}

export function decodeError({ code, message, temporary }: EncodedError): MailError {
  return new MailError(code, message, { temporary })
}
