import { describeError, MailError } from '../core/error.js'

/**
 * What reading or writing a file threw, as a `MailError` that names the file. A `MailError` stays as it is: the file
 * has nothing to do with it.
 */
export function fileError(doing: string, file: string, thrown: unknown): MailError {
  if (thrown instanceof MailError) return thrown
  return new MailError('FILE_FAILED', `cannot ${doing} ${file}: ${describeError(thrown)}`, {
    temporary: isTemporary(thrown),
    cause: thrown,
  })
}

/** Whether a thrown value is an error of the system with one of these codes. */
export function isSystemError(thrown: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(String((thrown as NodeJS.ErrnoException | null)?.code))
}

function isTemporary(thrown: unknown): boolean {
  return isSystemError(thrown, 'ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EIO')
}
