import { MailError } from 'posthorn'

/** A full disk as the contract wants it, so that mail clients hear `452 4.3.1`; anything else as it is. */
export function describeFull(thrown: unknown): unknown {
  const { code, message } = thrown as NodeJS.ErrnoException
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return thrown
  return new MailError('STORAGE_FULL', `journalStorage: ${message}`, { temporary: true, cause: thrown })
}
