import { describeError, MailError } from '../core/error.js'
import type { MessageSource } from '../message/message-source.js'
import type {
  CopiedMessage,
  FlagResult,
  MailboxRecord,
  MessageOutline,
  MessageRecord,
  StoredCopy,
  Usage,
} from '../storage/mail-storage.js'
import type { AcceptResult } from '../storage/storage.js'

/** Whether an answer of a driver has the shape its contract promises. */
export type Shape<T> = (answer: unknown) => answer is T

/**
 * Calls a storage driver. What it throws becomes `STORAGE_FAILED`, but for the errors of the contract.
 * @throws MailError `STORAGE_FAILED` or `STORAGE_FULL`, temporary; `DRIVER_CONTRACT`; what the contract names.
 */
export async function askStorage<Promised, T extends Promised>(
  what: string,
  call: () => Promise<Promised>,
  shape: Shape<T>,
): Promise<T> {
  const answer: unknown = await callStorage(what, call)
  if (shape(answer)) return answer
  throw new MailError('DRIVER_CONTRACT', `storage: ${what} answered ${describe(answer)}`, { temporary: true })
}

/** {@link askStorage} for what answers nothing. */
export async function callStorage<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (thrown) {
    throw asStorageError(what, thrown)
  }
}

function asStorageError(what: string, thrown: unknown): MailError {
  if (thrown instanceof MailError && (thrown.code !== 'STORAGE_FULL' || thrown.temporary)) return thrown
  const code = thrown instanceof MailError ? 'STORAGE_FULL' : 'STORAGE_FAILED'
  return new MailError(code, `storage: ${what} failed: ${describeError(thrown)}`, {
    temporary: true,
    reply: { code: 451, enhanced: '4.3.0', text: 'Storage is not available, try again later' },
    cause: thrown,
  })
}

function describe(answer: unknown): string {
  if (answer === null || answer === undefined) return String(answer)
  if (Array.isArray(answer)) return 'a list with something else in it than its contract says'
  return typeof answer === 'object'
    ? 'an object of another shape than its contract says'
    : `a ${typeof answer}`
}

/** Shapes of the answers of a storage driver. */
export const shapes = {
  mailbox: isMailbox,
  mailboxes: listOf(isMailbox),
  messages: listOf(isMessage),
  outline: listOf(isOutline),
  names: listOf((answer): answer is string => typeof answer === 'string'),
  uids: listOf(isNumber),
  copied: listOf(
    (answer): answer is CopiedMessage =>
      isRecord(answer) && isNumber(answer['from']) && isNumber(answer['to']),
  ),
  flagResult: (answer: unknown): answer is FlagResult =>
    isRecord(answer) && shapes.messages(answer['messages']) && shapes.uids(answer['modified']),
  usage: (answer: unknown): answer is Usage =>
    isRecord(answer) && isNumber(answer['bytes']) && isNumber(answer['messages']),
  source: (answer: unknown): answer is MessageSource =>
    isRecord(answer) && isNumber(answer['size']) && typeof answer['open'] === 'function',
  boolean: (answer: unknown): answer is boolean => typeof answer === 'boolean',
  /** Of a batch with one copy. */
  stored: (answer: unknown): answer is AcceptResult & { readonly copies: readonly [StoredCopy] } =>
    isRecord(answer) && Array.isArray(answer['copies']) && isStoredCopy(answer['copies'][0]),
}

/** The shape, or `undefined`. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (answer): answer is T | undefined => answer === undefined || shape(answer)
}

function listOf<T>(shape: Shape<T>): Shape<T[]> {
  return (answer): answer is T[] => Array.isArray(answer) && answer.every(shape)
}

function isMailbox(answer: unknown): answer is MailboxRecord {
  return (
    isRecord(answer) &&
    ['id', 'account', 'name'].every(field => typeof answer[field] === 'string') &&
    mailboxCounters.every(counter => isNumber(answer[counter]))
  )
}

const mailboxCounters = ['uidValidity', 'uidNext', 'highestModseq', 'messages', 'unseen', 'bytes']

function isMessage(answer: unknown): answer is MessageRecord {
  return isRecord(answer) && isNumber(answer['modseq']) && Array.isArray(answer['flags']) && isOutline(answer)
}

function isOutline(answer: unknown): answer is MessageOutline {
  return (
    isRecord(answer) &&
    isNumber(answer['uid']) &&
    isNumber(answer['size']) &&
    typeof answer['blob'] === 'string'
  )
}

function isStoredCopy(answer: unknown): answer is StoredCopy {
  return isRecord(answer) && isNumber(answer['uid']) && isNumber(answer['uidValidity'])
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
