import { MailError } from '../core/error.js'

/** The error of a message that gave other octets than it said, for whoever stores it. */
export function wrongSize(size: number, length: number): MailError {
  return new MailError(
    'MESSAGE_INCOMPLETE',
    `the message said it has ${size} octets and gave ${length < size ? 'only ' : ''}${length}`,
    { temporary: true },
  )
}
