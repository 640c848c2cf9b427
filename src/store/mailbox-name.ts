import { MailError } from '../core/error.js'

const longestLevel = 255
const longestName = 1_024

/**
 * A mailbox name in the one form the storage knows: NFC, `/` between levels, `INBOX` (also as the first of several
 * levels) in capitals whatever its case was (RFC 3501 §5.1).
 * @throws MailError `OPTION_INVALID` naming the name and what is wrong with it.
 */
export function normalizeMailboxName(name: string): string {
  const problem = typeof name === 'string' ? problemOf(name) : 'it is no text'
  if (problem !== undefined) {
    throw new MailError(
      'OPTION_INVALID',
      `mailbox name: got ${quote(name)}, expected levels of 1 to ${longestLevel} octets joined by '/'; ${problem}`,
    )
  }
  const normal = name.normalize('NFC')
  return /^inbox(?=\/|$)/i.test(normal) ? `INBOX${normal.slice(5)}` : normal
}

function problemOf(name: string): string | undefined {
  if (name === '') return 'it is empty'
  if (/\p{Cc}|[\u2028\u2029]/u.test(name)) return 'it has a control character'
  if (/\p{Cs}/u.test(name)) return 'it is not well-formed Unicode'
  if (name.startsWith('/') || name.endsWith('/')) return "it begins or ends with '/'"
  const levels = name.normalize('NFC').split('/')
  if (levels.includes('')) return 'a level is empty'
  if (levels.some(level => Buffer.byteLength(level) > longestLevel)) return 'a level is too long'
  if (Buffer.byteLength(name) > longestName) return `it has more than ${longestName} octets`
  return undefined
}

/**
 * Checks that an account id is one: text without control characters, 1 to 1,024 octets.
 * @throws MailError `OPTION_INVALID`.
 */
export function assertAccount(account: string): void {
  const fits =
    typeof account === 'string' &&
    account !== '' &&
    Buffer.byteLength(account) <= longestName &&
    !/\p{Cc}|\p{Cs}/u.test(account)
  if (fits) return
  throw new MailError(
    'OPTION_INVALID',
    `account: got ${quote(account)}, expected an id of 1 to ${longestName} octets without control characters`,
  )
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
